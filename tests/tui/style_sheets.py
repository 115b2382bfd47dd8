"""Parsed style sheets, shared by all consoles that a test process opens: parsing took a tenth of a test's CPU time."""

from __future__ import annotations

from typing import Any

from textual.css import stylesheet
from textual.css.model import RuleSet
from textual.css.tokenizer import Token

_tokens: dict[frozenset[tuple[str, str]], dict[str, list[Token]]] = {}
_rules: dict[tuple[object, ...], list[RuleSet]] = {}


def share() -> None:
    """Parse each style sheet once for each theme's colours, as Textual does it for each app."""
    tokenize, parse = stylesheet.tokenize_values, stylesheet.parse

    def tokens_of(values: dict[str, str]) -> dict[str, list[Token]]:
        key = frozenset(values.items())
        if key not in _tokens:
            _tokens[key] = tokenize(values)
        return _tokens[key]

    def rules_of(*arguments: Any, variable_tokens: dict[str, list[Token]], **options: Any) -> list[RuleSet]:
        key = (*arguments, id(variable_tokens), *sorted(options.items()))  # `_tokens` holds them, so ids stay unique
        if key not in _rules:
            _rules[key] = list(parse(*arguments, variable_tokens=variable_tokens, **options))
        return _rules[key]

    stylesheet.tokenize_values = tokens_of  # type: ignore[assignment]
    stylesheet.parse = rules_of  # type: ignore[assignment]
