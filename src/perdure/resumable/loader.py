"""`install`: rewrite the modules of some folders as they are imported, and cache the bytecode."""

import ast
import importlib.util
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from marshal import dumps, loads
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from .definitions import Source, register
from .lower import lower_module
from .parsing import parse, uncollected
from .scan import FUNCTIONS
from .words import Words

REVISION = 2  # of the rewriting; a change in it makes cached bytecode and snapshots stale
_TAG = f"perdure{REVISION}"
_HASHED = b"\x03\0\0\0"  # as in PEP 552: checked by the hash of the source


class Loader(SourceFileLoader):
    """Imports a source file in its plain form."""

    def get_code(self, fullname: str) -> CodeType:
        """The module's code, from the cache if it was made from this very source."""
        path = self.get_filename(fullname)
        data = self.get_data(path)
        register(fullname, Source(path, importlib.util.decode_source(data)))
        stamp = importlib.util.MAGIC_NUMBER + _HASHED + importlib.util.source_hash(data)
        cache = cache_path(path)
        code = _cached(cache, stamp)
        if code is None:
            code = self.source_to_code(data, path)
            _store(cache, stamp, code)
        return code

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:
        """Parse, rewrite and compile; a text without a word of waiting is simply compiled."""
        words = Words(data if isinstance(data, str) else importlib.util.decode_source(data))
        if not words.any():
            return _compile(data, path, _optimize)
        with uncollected():
            return _rewritten(parse(data, path), words, path, _optimize)


def _compile(tree: Any, path: str, optimize: int) -> CodeType:
    return compile(tree, path, "exec", dont_inherit=True, optimize=optimize)


def _rewritten(tree: ast.Module, words: Words, path: str, optimize: int) -> CodeType:
    """Rewrite and compile.

    The plain form nests blocks deeper than the source, and Python takes twenty. A function that
    is too deep for it stays as it is; what waits in it is refused at capture.
    """
    deep = set[int]()
    while True:
        try:
            return _compile(lower_module(tree, words, frozenset(deep)), path, optimize)
        except SyntaxError as error:
            lines = {line for line in _definitions_around(tree, error.lineno) if line not in deep}
            if "nested blocks" not in error.msg or not lines:
                raise
            deep.add(max(lines))


def _definitions_around(tree: ast.Module, line: int | None) -> list[int]:
    """The lines of the functions in which *line* stands."""
    found = (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS))
    return [node.lineno for node in found if node.lineno <= (line or 0) <= (node.end_lineno or 0)]


def cache_path(path: str) -> str:
    """Where the bytecode of a rewritten module is kept."""
    level = sys.flags.optimize or ""
    return importlib.util.cache_from_source(path, optimization=f"{_TAG}o{level}")


def _cached(cache: str, stamp: bytes) -> CodeType | None:
    try:
        data = Path(cache).read_bytes()
    except OSError:
        return None
    if not data.startswith(stamp):
        return None
    try:
        return loads(memoryview(data)[len(stamp) :])
    except (EOFError, ValueError, TypeError):
        return None


def _store(cache: str, stamp: bytes, code: CodeType) -> None:
    """Write the cache file at once or not at all; a folder that can't be written to has none."""
    if sys.dont_write_bytecode:
        return
    folder = os.path.dirname(cache)
    try:
        os.makedirs(folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(stamp + dumps(code))
        os.chmod(temporary, 0o644)
        os.replace(temporary, cache)
    except OSError:
        return


class Finder:
    """Finds modules as Python does, and gives those under our folders our loader."""

    def __init__(self) -> None:
        self.folders: set[str] = set()

    def covers(self, path: str | None) -> bool:
        """Whether a file is in one of the folders."""
        if path is None or not path.endswith(".py"):
            return False
        real = os.path.realpath(path)
        return any(real.startswith(folder) for folder in self.folders)

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader or not self.covers(spec.origin):
            return None
        assert spec.origin is not None
        spec.loader = Loader(name, spec.origin)
        spec.cached = cache_path(spec.origin)
        return spec

    def invalidate_caches(self) -> None:
        """Nothing is cached here."""


_finder = Finder()


def install(folders: "Iterable[str | os.PathLike[str]]") -> None:
    """Rewrite modules under *folders* when they are imported from now on.

    May be called again: folders add up. Modules that were imported before stay as they are, and
    are named in a RuntimeWarning. Raises TypeError for a single path.
    """
    if isinstance(folders, str | os.PathLike):
        raise TypeError("install() takes several folders: install([folder])")
    fresh = {os.path.realpath(folder) + os.sep for folder in folders} - _finder.folders
    _finder.folders |= fresh
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    late = [
        name
        for name, module in [*sys.modules.items()]
        if name != "__main__"
        and os.path.abspath(getattr(module, "__file__", None) or "").startswith(tuple(fresh))
        and _finder.covers(module.__file__)
        and not isinstance(getattr(module, "__loader__", None), Loader)
    ]
    if late:
        warnings.warn(
            f"imported before install(), so their coroutines can't be captured: {', '.join(sorted(late))}",
            RuntimeWarning,
            stacklevel=2,
        )
