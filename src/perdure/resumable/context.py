"""What stands around a definition."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .scopes import Scope
from .words import ANYWHERE, Words


@dataclass(frozen=True)
class Context:
    """What stands around a definition: the path to it, and the names it can close over."""

    path: tuple[str, ...] = ()
    visible: frozenset[str] = frozenset()
    class_name: str | None = None  # for names with two leading underscores
    words: Words = ANYWHERE  # of the source text
    skipped: frozenset[int] = frozenset()  # lines of definitions that stay as they are

    def qualname(self, name: str) -> str:
        """The ``__qualname__`` of a definition here."""
        return ".".join((*self.path, name))

    def inside_class(self, node: Any) -> "Context":
        """The context of what is defined in a class body."""
        visible = self.visible | {"__class__"} | type_parameters(node)
        return Context((*self.path, node.name), visible, node.name, self.words, self.skipped)

    def inside_function(self, node: Any, scope: Scope) -> "Context":
        """The context of what is defined in a function."""
        name = getattr(node, "name", "<lambda>")
        return self.inside(scope.own | type_parameters(node), name, "<locals>")

    def inside(self, names: Iterable[str], *path: str) -> "Context":
        """The context further down this path, where these names can be seen as well."""
        visible = self.visible.union(names)
        return Context((*self.path, *path), visible, self.class_name, self.words, self.skipped)

    def without_words(self) -> "Context":
        """The same for functions that were put together: they don't stand on lines of their own."""
        return Context(self.path, self.visible, self.class_name, ANYWHERE, self.skipped)


def type_parameters(node: Any) -> set[str]:
    """The names that a definition binds between square brackets (PEP 695)."""
    return {each.name for each in getattr(node, "type_params", ())}
