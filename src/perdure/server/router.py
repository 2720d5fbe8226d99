"""From the path of a request to the route that answers it.

The path is matched as it came, still percent-encoded, so that a task named `ns/hello` (`ns%2Fhello`) is
one segment; each parameter is decoded after that.  Starlette's router sees only the decoded path.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.responses import Response

from perdure.core.errors import Invalid
from perdure.server.request import Request

Answer = Callable[[Request, "Found"], Awaitable[Response]]
"""Answers a request, given what was found at its path."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """One way into the server."""

    name: str
    method: str
    path: str
    answer: Answer
    #: pages of other sites may use it, with a public token
    from_browsers: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a path."""

    routes: dict[str, Route]
    """By method."""
    parameters: tuple[tuple[str, bytes], ...]
    """Still encoded."""

    def decode(self) -> dict[str, str]:
        """Return the parameters as text.

        Raises:
            Invalid: one is empty, or no UTF-8.
        """
        return {name: _decode(name, value) for name, value in self.parameters}


class _Node:
    """The routes that share the segments up to here."""

    __slots__ = ("any", "literal", "names", "routes")

    def __init__(self) -> None:
        self.literal: dict[bytes, _Node] = {}
        self.any: _Node | None = None
        self.routes: dict[str, Route] = {}
        self.names: tuple[str, ...] = ()


class Router:
    """A tree of path segments, made once."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Put the routes into the tree."""
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node, names = self._root, []
        for segment in route.path.split("/"):
            if segment.startswith("{"):
                names.append(segment.strip("{}"))
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.literal.setdefault(segment.encode(), _Node())
        assert route.method not in node.routes, f"{route.method} {route.path} is there twice"
        node.routes[route.method] = route
        node.names = tuple(names)

    def find(self, path: bytes) -> Found | None:
        """Return what stands at a raw path, without its query; a literal segment comes before a parameter."""
        return _find(self._root, path.split(b"/"), 0, ())


def _find(node: _Node, segments: list[bytes], at: int, values: tuple[bytes, ...]) -> Found | None:
    if at == len(segments):
        return Found(node.routes, tuple(zip(node.names, values, strict=True))) if node.routes else None
    segment = segments[at]
    found = None
    if (literal := node.literal.get(segment)) is not None:
        found = _find(literal, segments, at + 1, values)
    if found is None and node.any is not None:
        found = _find(node.any, segments, at + 1, (*values, segment))
    return found


def _decode(name: str, value: bytes) -> str:
    problem: dict[str, Any] | None = None
    try:
        text = unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        text, problem = "", {"path": name, "message": "is no UTF-8"}
    if not text or "\0" in text:
        problem = problem or {"path": name, "message": "is empty or has a NUL character"}
    if problem:
        raise Invalid("Params Error", details=[problem])
    return text
