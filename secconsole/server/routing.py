"""Routing by the parts of a path, so that an encoded slash in a name leads to no other route.

The routes form a tree by the parts of their paths, so that finding one takes the same time however many there are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from secconsole.server.problems import problem

Endpoint = Callable[[Request], Awaitable[Response]]

_WORDS = {
    404: ("not-found", "There is no such path."),
    405: ("method-not-allowed", "The path does not support this method."),
}


@dataclass(frozen=True, slots=True)
class _Target:
    """Endpoint of one method at one path. `places` are the positions of its parameters among the parts."""

    endpoint: Endpoint
    name: str
    places: tuple[tuple[int, str], ...]


@dataclass(slots=True)
class _Node:
    """Routes whose paths begin alike. `other` is for a parameter in the place of the next part."""

    parts: dict[str, _Node] = field(default_factory=dict)
    other: _Node | None = None
    targets: dict[str, _Target] = field(default_factory=dict)


class RouteTable:
    """Routes by method and path, such as `/v1/tenants/{tenant}/users`."""

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, path: str, endpoint: Endpoint, *, method: str, name: str) -> None:
        """Add a route, or raise `ValueError` if there is one already."""
        node = self._root
        places: list[tuple[int, str]] = []
        for place, part in enumerate(path.split("/")):
            if part.startswith("{"):
                places.append((place, part[1:-1]))
                node.other = node = node.other or _Node()
            else:
                node = node.parts.setdefault(part, _Node())
        if method in node.targets:
            raise ValueError(f"{method} {path} is the path of {node.targets[method].name} already")
        node.targets[method] = _Target(endpoint, name, tuple(places))
        if method == "GET":
            node.targets.setdefault("HEAD", node.targets["GET"])

    def find(self, scope: Scope) -> _Target | None:
        """Return the target of a request after noting its path's parameters, or None."""
        parts = parts_of(scope)
        method: str = scope["method"]
        for targets in _at(self._root, parts, 0):
            if (target := targets.get(method)) is not None:
                scope["path_params"] = {name: parts[place] for place, name in target.places}
                return target
        return None

    def methods_at(self, scope: Scope) -> set[str]:
        """Return the methods of all routes with the path of a request."""
        return {method for targets in _at(self._root, parts_of(scope), 0) for method in targets}


def _at(node: _Node, parts: Sequence[str], place: int) -> Iterator[dict[str, _Target]]:
    """Yield the targets at a path: those with its own words before those with parameters."""
    if place == len(parts):
        if node.targets:
            yield node.targets
        return
    part = parts[place]
    if (next_node := node.parts.get(part)) is not None:
        yield from _at(next_node, parts, place + 1)
    if part and node.other is not None:
        yield from _at(node.other, parts, place + 1)


class Dispatcher:
    """ASGI application that answers the routes of a table itself, and leaves everything else to another one."""

    def __init__(self, table: RouteTable, other: ASGIApp) -> None:
        self._table, self._other = table, other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = self._table.find(scope)
        if target is None:
            await self._other(scope, receive, send)
            return
        scope["state"]["operation"] = target.name
        response = await target.endpoint(Request(scope, receive))
        await response(scope, receive, send)


def parts_of(scope: Scope) -> list[str]:
    """Return the decoded parts of a path between its slashes, or an empty list if it is not UTF-8."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
    try:
        if b"%" not in raw:
            return raw.decode().split("/")
        return [unquote_to_bytes(part).decode() for part in raw.split(b"/")]
    except UnicodeDecodeError:
        return []


def add_refusals(app: Starlette, table: RouteTable) -> None:
    """Answer unknown paths and methods as problems, and OPTIONS with the methods of the path."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        methods = table.methods_at(request.scope) | _methods_at(app, request.scope)
        status = 405 if methods else error.status_code
        code, detail = _WORDS.get(status, ("refused", "The request was refused."))
        response = problem(status, code, detail, request.state.request_id)
        if status == 405:
            if request.method == "OPTIONS":
                response = Response(status_code=204)
            response.headers["allow"] = ", ".join(sorted({"OPTIONS"} | methods))
        return response

    app.add_exception_handler(HTTPException, refused)


def _methods_at(app: Starlette, scope: Scope) -> set[str]:
    """Return the methods of Starlette's own routes with this path, as each route knows only its own."""
    found: set[str] = set()
    for route in app.routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return found
