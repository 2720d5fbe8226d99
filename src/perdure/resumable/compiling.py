"""From a function's syntax tree to a code object with the right name, closure and class around it."""

import ast
import warnings
from types import CodeType
from typing import Any

from . import build
from .context import Context
from .core import Point
from .lower import Lowered, keep_cells
from .reenter import Reentry
from .scan import FUNCTIONS
from .scopes import parameters, surely_bound

_FACTORY = "<factory>"


def mangled(context: Context, name: str) -> str:
    """What the compiler makes of *name* inside the class of *context*."""
    owner = (context.class_name or "").lstrip("_")
    if not owner or not name.startswith("__") or name.endswith("__") or "." in name:
        return name
    return f"_{owner}{name}"


def compile_function(
    node: Any, context: Context, cells: tuple[str, ...], filename: str, flags: int
) -> CodeType:
    """Compile one function definition or lambda as if it stood in *context*.

    ``cells`` are the names it finds in the cells of its closure; ``flags`` the ``__future__``
    flags of its module.
    """
    inner = node if isinstance(node, FUNCTIONS) else build.expression(node, node)
    if context.class_name:
        fields: dict[str, Any] = {"type_params": []} if "type_params" in ast.ClassDef._fields else {}
        around = build.placed(ast.ClassDef(context.class_name, [], [], [inner], [], **fields), node)
    else:
        around = inner
    outer = [mangled(context, each) for each in cells if each != "__class__"]
    if "__class__" in cells and not context.class_name:
        outer.append("__class__")
    named = context.class_name or getattr(node, "name", "")
    body: list[ast.stmt] = [around]
    if named and named not in cells:  # what the function itself calls by that name is a global
        body.insert(0, build.placed(ast.Global([named]), node))
    factory = build.definition(ast.FunctionDef, _FACTORY, outer, body, node)
    module = ast.Module([factory], [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # the import has given them
        code = compile(module, filename, "exec", flags=flags, dont_inherit=True)
    name = getattr(node, "name", "<lambda>")
    found = _find(code, name)
    return _requalified(found, found.co_qualname, context.qualname(name))


def _find(code: CodeType, name: str) -> CodeType:
    """The code object of the function that we wrapped: the outermost of that name."""
    level = [each for each in code.co_consts if isinstance(each, CodeType)]
    while level:
        level = [inner for each in level for inner in each.co_consts if isinstance(inner, CodeType)]
        for each in level:
            if each.co_name == name:
                return each
    raise AssertionError(f"{name} has not been compiled")


def _requalified(code: CodeType, old: str, new: str) -> CodeType:
    """*code* with its qualified name corrected, and those of the functions inside it."""
    consts = tuple(
        _requalified(each, old, new) if isinstance(each, CodeType) else each for each in code.co_consts
    )
    name = code.co_qualname
    fresh = new + name[len(old) :] if name.startswith(old) else name
    return code.replace(co_consts=consts, co_qualname=fresh)


def compile_entry(lowered: Lowered, number: int, filename: str, flags: int) -> CodeType:
    """Compile the re-entry form for await *number* (0: from the top) of a `fitted` function."""
    original = lowered.original
    at: Any = lowered.body[0]
    body, before, point = lowered.body, [], None
    if number:
        point = lowered.points[number - 1]
        entry = Reentry(lowered, point)
        body, before = entry.suite(lowered.body), entry.before
        at = lowered.body[entry.find(lowered.body) or 0]
    body = [*_header(lowered, point, before, at), *body]
    kind: Any = original.__class__
    node = build.definition(kind, original.name, [build.STATE], body, original)
    return compile_function(node, lowered.context, lowered.cells, filename, flags)


def _header(lowered: Lowered, point: Point | None, before: list[ast.stmt], at: Any) -> list[ast.stmt]:
    """Put the locals back. *before* are statements that were done."""
    scope = lowered.scope
    statements: list[ast.stmt] = []
    if scope.globals:
        statements.append(build.placed(ast.Global(sorted(scope.globals)), at))
    if outer := [each for each in lowered.cells if each != "__class__"]:
        statements.append(build.placed(ast.Nonlocal(outer), at))
    statements += _locals_again(lowered, point, before, at)
    if lowered.cells:
        statements.append(keep_cells(lowered.cells, at))
    statements += lowered.makers
    statements += point.again if point else ()
    if lowered.generator:
        statements.append(_never_yield(at))
    statements.append(build.clear([build.STATE], at))
    return statements


def _locals_again(lowered: Lowered, point: Point | None, before: list[ast.stmt], at: Any) -> list[ast.stmt]:
    """Each local that is in the dictionary; those that surely are, all at once."""
    own = lowered.scope.own.difference(lowered.cells)
    surely = set(parameters(lowered.original.args)) | surely_bound(before)
    sure = sorted(each for each in own & surely - lowered.scope.deleted if each[0] != ".")
    perhaps = [*sorted(own.difference(sure)), build.POINT, build.INNER, *(point.live if point else ())]
    state = build.name(build.STATE, at)
    statements: list[ast.stmt] = []
    if sure:
        names = build.constant(tuple(mangled(lowered.context, each) for each in sure), at)
        targets = build.placed(ast.Tuple([build.target(each, at) for each in sure], build.STORE), at)
        values = build.helper("values", [state, names], at)
        statements.append(build.placed(ast.Assign([targets], values), at))
    for each in perhaps:
        key = build.constant(mangled(lowered.context, each), at)
        bound = build.placed(ast.Compare(key, [ast.In()], [state]), at)
        value = build.placed(ast.Subscript(state, key, build.LOAD), at)
        unset: list[ast.stmt] = [build.clear([each], at)] if each.startswith(".how") else []
        statements.append(build.branch(bound, [build.assign(each, value, at)], unset, at))
    return statements


def _never_yield(at: Any) -> ast.stmt:
    """Keeps a generator one, when the way from here on passes no yield."""
    never = build.expression(build.placed(ast.Yield(None), at), at)
    return build.branch(build.constant(False, at), [never], [], at)
