"""Find a function's definition in source: by its running code, or by its name and fingerprint."""

import __future__

import ast
import importlib
import linecache
import re
import sys
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

from . import build, runtime
from .compiling import compile_entry, compile_function
from .context import Context
from .errors import CodeChanged
from .fingerprint import fingerprint
from .fitting import fitted
from .lower import Lowered, lower_definition, lower_function
from .parsing import parse, uncollected
from .scopes import analyse
from .walking import functions
from .words import Words

_INLINED = re.compile(r"<(list|set|dict)comp>\.<locals>\.")  # scopes of their own until Python 3.12


_SHALLOW = 10  # the depth of blocks from which on a re-entry form might pass Python's limit of 20


class Definition:
    """One function, method or lambda in one source text."""

    def __init__(self, node: Any, context: Context, source: "Source") -> None:
        self.node, self.context, self.source = node, context, source
        self.entries: dict[int, CodeType] = {}
        self.known: dict[int, Any] = {}  # what `frames` has found out, by the id of the code

    @property
    def qualname(self) -> str:
        """Its path in the module."""
        return self.context.qualname(getattr(self.node, "name", "<lambda>"))

    @property
    def first_line(self) -> int:
        """As in ``co_firstlineno``: that of the first decorator, if any."""
        return min([each.lineno for each in getattr(self.node, "decorator_list", ())] + [self.node.lineno])

    @cached_property
    def fingerprint(self) -> str:
        """What tells whether the code has changed."""
        return fingerprint(self.node)

    @cached_property
    def lowered(self) -> Lowered | None:
        """Its plain form; None if it never waits."""
        if isinstance(self.node, ast.Lambda):
            return None
        with uncollected():
            return lower_function(self.node, self.context)

    @cached_property
    def reentrant(self) -> Lowered:
        """Its plain form, as the re-entry forms need it."""
        assert self.lowered is not None
        return fitted(self.lowered)

    @property
    def changes(self) -> bool:
        """Whether it, or a function inside it, has a plain form of its own."""
        if isinstance(self.node, ast.Lambda):
            return False
        return lower_definition(self.node, self.context) is not self.node

    @cached_property
    def code(self) -> CodeType:
        """Its plain form, compiled."""
        node = self.node
        if not isinstance(node, ast.Lambda):
            node = build.replaced(lower_definition(node, self.context), decorator_list=[], returns=None)
        node = build.replaced(node, args=_bare(node.args))
        code = compile_function(node, self.context, self.wanted, self.source.filename, self.source.flags)
        self.source.known(code, self)
        return code

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """The names it takes from functions around it."""
        return tuple(sorted(analyse(self.node).wanted() & self.context.visible))

    def entry(self, number: int) -> CodeType:
        """The re-entry form for await *number*, compiled when first needed."""
        if number not in self.entries:
            with uncollected():
                code = compile_entry(self.reentrant, number, self.source.filename, self.source.flags)
            self.source.known(code, self)
            self.entries[number] = code
        return self.entries[number]

    @cached_property
    def shallow(self) -> bool:
        """Whether every re-entry form surely compiles."""
        return self.lowered is None or build.nesting(self.lowered.body) <= _SHALLOW

    def obstacle(self, number: int) -> str | None:
        """Why nothing can go on from await *number*: its re-entry form is more than Python compiles.

        It nests deeper than the source; where that may matter, it is compiled to make sure.
        """
        if self.shallow:
            return None
        try:
            self.entry(number)
        except SyntaxError as error:
            return (
                f"its re-entry form is too deep for Python ({error.msg}): move inner blocks into a function"
            )
        return None

    def globals(self, module: str) -> dict[str, Any]:
        """The globals that its functions have: those of the module, as it is now."""
        if self.source.namespace is not None:
            return self.source.namespace
        return vars(sys.modules.get(module) or importlib.import_module(module))

    def line(self, number: int) -> str:
        """The text of a line of its source."""
        lines = self.source.lines
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def _bare(arguments: ast.arguments) -> ast.arguments:
    """Parameters without default values and annotations: those belong to the function object."""
    fields: dict[str, Any] = {}
    for field in ("posonlyargs", "args", "kwonlyargs"):
        fields[field] = [build.placed(ast.arg(each.arg), each) for each in getattr(arguments, field)]
    for field in ("vararg", "kwarg"):
        each = getattr(arguments, field)
        fields[field] = each and build.placed(ast.arg(each.arg), each)
    return ast.arguments(defaults=[], kw_defaults=[None] * len(arguments.kwonlyargs), **fields)


class Source:
    """One source text, and where each function in it stands."""

    module = "?"

    def __init__(self, filename: str, text: str) -> None:
        self.filename, self.text = filename, text
        self.namespace: dict[str, Any] | None = None  # of its functions, if not that of the module
        self.by_code: dict[int, tuple[CodeType, Definition]] = {}

    @cached_property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return self.text.split("\n")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return parse(self.text, self.filename)

    @cached_property
    def flags(self) -> int:
        """The ``__future__`` flags in force."""
        names = [
            alias.name
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom) and node.module == "__future__"
            for alias in node.names
        ]
        return sum(getattr(__future__, name).compiler_flag for name in names)

    @cached_property
    def definitions(self) -> dict[str, list[Definition]]:
        """Every function in the text, by qualified name."""
        found: dict[str, list[Definition]] = {}
        for node, context in functions(self.tree.body, Context(words=Words(self.text))):
            definition = Definition(node, context, self)
            found.setdefault(definition.qualname, []).append(definition)
        return found

    def forget(self) -> None:
        """Let go of all but the text: from that, the rest is found again if old code asks for it."""
        for name in ("lines", "tree", "flags", "definitions"):
            self.__dict__.pop(name, None)
        self.by_code.clear()

    def known(self, code: CodeType, definition: Definition) -> None:
        """Remember that *code* was compiled from *definition*."""
        self.by_code[id(code)] = code, definition

    def find(self, code: CodeType) -> Definition | None:
        """The definition that *code* was compiled from."""
        if id(code) in self.by_code:
            return self.by_code[id(code)][1]
        same_name = self.definitions.get(_INLINED.sub("", code.co_qualname), [])
        found = [each for each in same_name if each.first_line == code.co_firstlineno]
        if len(found) > 1:
            found = [each for each in found if _covers(each.node, code)]
        if len(found) != 1:
            return None
        self.known(code, found[0])
        return found[0]


def _covers(node: Any, code: CodeType) -> bool:
    """Whether all of *code* was written inside *node*: tells two lambdas on one line apart."""
    start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    spots = [(line, column) for line, _, column, _ in code.co_positions() if line and column]
    return bool(spots) and all(start <= spot < end for spot in spots)


# -- the sources of this process ---------------------------------------------------------------

_by_file: dict[str, list[Source]] = {}  # newest first
_by_module: dict[str, dict[str, Source]] = {}  # module name -> file name -> newest


# What has been found, by module, qualified name and fingerprint (and number of the await).
_found: dict[tuple[Any, ...], Definition] = {}
entries: dict[tuple[Any, ...], FunctionType] = {}  # re-entry forms that need no cells


def register(module: str, source: Source) -> Source:
    """Add a source text that functions of *module* were compiled from.

    Of those that it replaces only the text is kept, once: some coroutine may still run their code.
    """
    source.module = module
    known = _by_file.setdefault(source.filename, [])
    for each in known:
        each.forget()
    known[:] = [source, *(each for each in known if (each.module, each.text) != (module, source.text))]
    _by_module.setdefault(module, {})[source.filename] = source
    for cache in (_found, entries):
        for key in [key for key in cache if key[0] == module]:
            del cache[key]
    return source


def source_of_code(code: CodeType, namespace: dict[str, Any]) -> Source | None:
    """The source text of some code; read through `linecache` if it is not yet known."""
    module = str(namespace.get("__name__"))
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename, namespace))
    known = _by_file.get(code.co_filename, [])
    same = next((each for each in known if each.text == text), None)
    if same or not text:
        return same or (known[0] if known else None)
    source = register(module, Source(code.co_filename, text))
    if namespace is not vars(sys.modules.get(module, sys)):
        source.namespace = namespace  # of a doctest
    return source


def definition_of_code(code: CodeType) -> Definition | None:
    """The definition of code in rewritten modules and functions; None for any other code."""
    for source in _by_file.get(code.co_filename, ()):
        if found := source.find(code):
            return found
    return None


def _sources(name: str) -> list[Source]:
    module = sys.modules.get(name) or importlib.import_module(name)
    filename = getattr(module, "__file__", None)
    if filename and filename not in _by_module.get(name, {}):
        text = "".join(linecache.getlines(filename, vars(module)))
        if text:
            register(name, Source(filename, text))
    return [*_by_module.get(name, {}).values()][::-1]


def definition_by_name(module: str, qualname: str, wanted: str) -> Definition:
    """The definition with this name and fingerprint.

    Raises `CodeChanged` if the module, the function or this form of it is gone.
    """
    key = module, qualname, wanted
    if key in _found and key[0] in sys.modules:
        return _found[key]
    function = f"{module}.{qualname}"
    try:
        sources = _sources(module)
    except ModuleNotFoundError as error:
        raise CodeChanged(function, f"can't be imported ({error})") from error
    candidates = [each for source in sources for each in source.definitions.get(qualname, ())]
    for each in candidates:
        if each.fingerprint == wanted:
            _found[key] = each
            return each
    raise CodeChanged(function, "has changed" if candidates else "has been removed")


def make_function(definition: Definition, code: CodeType, module: str, cells: dict[str, Any]) -> FunctionType:
    """A function of *module* that runs *code*, made from *definition*, with these cells."""
    variables = definition.globals(module)
    variables.setdefault(build.RUNTIME, runtime)
    closure = tuple(cells[name] for name in code.co_freevars)
    return FunctionType(code, variables, code.co_name, None, closure or None)
