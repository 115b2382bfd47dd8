"""Answer to a request to explain a user's next sign-in."""

from __future__ import annotations

from secconsole.operations.policy import ExplainSignIn, Explanation
from secconsole.service.context import Context
from secconsole.service.factors.explanation import explained
from secconsole.service.registry import handles


@handles(ExplainSignIn)
def explain_sign_in(context: Context, operation: ExplainSignIn) -> Explanation:
    return explained(context, context.target, operation.address)
