"""Routing by the parts of a path, so that an encoded slash in a name leads to no other route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import quote, unquote_to_bytes

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from secconsole.server.problems import problem

Endpoint = Callable[[Request], Awaitable[Response]]

_WORDS = {
    404: ("not-found", "There is no such path."),
    405: ("method-not-allowed", "The path does not support this method."),
}


class PathRoute(Route):
    """A route that matches the path as it was sent, and decodes its parts afterwards."""

    def __init__(self, path: str, endpoint: Endpoint, *, method: str, name: str) -> None:
        super().__init__(path, endpoint, methods=[method], name=name)
        self._parts = path.split("/")

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        parts = parts_of(scope)
        if len(parts) != len(self._parts):
            return Match.NONE, {}
        values: dict[str, str] = {}
        for wanted, part in zip(self._parts, parts, strict=True):
            if wanted.startswith("{") and part:
                values[wanted[1:-1]] = part
            elif wanted != part:
                return Match.NONE, {}
        found = {"endpoint": self.endpoint, "path_params": values, "route": self}
        return Match.FULL if scope["method"] in (self.methods or ()) else Match.PARTIAL, found


def parts_of(scope: Scope) -> list[str]:
    """Return the decoded parts of a path between its slashes, or an empty list if it is not UTF-8."""
    state = scope.setdefault("state", {})
    if "path_parts" not in state:
        raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
        try:
            state["path_parts"] = [unquote_to_bytes(part).decode() for part in raw.split(b"/")]
        except UnicodeDecodeError:
            state["path_parts"] = []
    parts: list[str] = state["path_parts"]
    return parts


def add_refusals(app: Starlette) -> None:
    """Answer unknown paths and methods as problems, and OPTIONS with the methods of the path."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code, detail = _WORDS.get(error.status_code, ("refused", "The request was refused."))
        response = problem(error.status_code, code, detail, request.state.request_id)
        if error.status_code == 405:
            if request.method == "OPTIONS":
                response = Response(status_code=204)
            response.headers["allow"] = ", ".join(sorted({"OPTIONS"} | _methods_at(app.routes, request.scope)))
        return response

    app.add_exception_handler(HTTPException, refused)


def _methods_at(routes: Iterable[BaseRoute], scope: Scope) -> set[str]:
    """Return the methods of all routes with this path, as each route knows only its own."""
    found: set[str] = set()
    for route in routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return found
