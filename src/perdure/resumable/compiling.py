"""From a function's syntax tree to a code object with the right name, closure and class around it."""

import ast
import warnings
from types import CodeType
from typing import Any

from . import build
from .core import Point
from .lower import Context, Lowered
from .reenter import Reentry
from .scan import FUNCTIONS

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
        around = ast.ClassDef(context.class_name, [], [], [inner], [], **fields, **build.spot(node))
    else:
        around = inner
    outer = [ast.arg(mangled(context, each), **build.spot(node)) for each in cells if each != "__class__"]
    if "__class__" in cells and not context.class_name:
        outer.append(ast.arg("__class__", **build.spot(node)))
    named = context.class_name or getattr(node, "name", "")
    body: list[ast.stmt] = [around]
    if named and named not in cells:  # what the function itself calls by that name is a global
        body.insert(0, ast.Global([named], **build.spot(node)))
    factory = _definition(_FACTORY, outer, body, node)
    module = ast.Module([factory], [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # the import has given them
        code = compile(module, filename, "exec", flags=flags, dont_inherit=True)
    name = getattr(node, "name", "<lambda>")
    found = _find(code, name)
    return _requalified(found, found.co_qualname, context.qualname(name))


def _definition(name: str, arguments: list[ast.arg], body: list[ast.stmt], at: Any) -> ast.FunctionDef:
    fields: dict[str, Any] = {"type_params": []} if "type_params" in ast.FunctionDef._fields else {}
    signature = ast.arguments([], arguments, None, [], [], None, [])
    return ast.FunctionDef(name, signature, body, [], None, **fields, **build.spot(at))


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
    """Compile the re-entry form for await *number* (0: from the top)."""
    original = lowered.original
    point = lowered.points[number - 1] if number else None
    at: Any = lowered.body[0]
    if point is None:
        body = lowered.body
    else:
        entry = Reentry(lowered, point)
        body = entry.suite(lowered.body)
        at = lowered.body[entry.find(lowered.body) or 0]
    kept = _Body(lowered)
    body = [*_header(lowered, point, at), *(kept.visit(each) for each in body)]
    arguments = ast.arguments([], [ast.arg(build.STATE, **build.spot(at))], None, [], [], None, [])
    fields: dict[str, Any] = {"type_params": []} if hasattr(original, "type_params") else {}
    node = build.replaced(original, args=arguments, body=body, decorator_list=[], returns=None, **fields)
    return compile_function(node, lowered.context, lowered.cells, filename, flags)


def _header(lowered: Lowered, point: Point | None, at: Any) -> list[ast.stmt]:
    """Put the locals back: each that is in the dictionary."""
    scope, context = lowered.scope, lowered.context
    statements: list[ast.stmt] = []
    if scope.globals:
        statements.append(ast.Global(sorted(scope.globals), **build.spot(at)))
    if outer := [each for each in lowered.cells if each != "__class__"]:
        statements.append(ast.Nonlocal(outer, **build.spot(at)))
    state = build.name(build.STATE, at)
    names = sorted(scope.own - set(lowered.cells))
    names += [build.POINT, build.INNER, *(point.live if point else ())]
    for each in names:
        key = build.constant(mangled(context, each), at)
        bound = ast.Compare(key, [ast.In()], [state], **build.spot(at))
        value = ast.Subscript(state, key, build.LOAD, **build.spot(at))
        unset: list[ast.stmt] = [build.clear([each], at)] if each.startswith(".how") else []
        statements.append(build.branch(bound, [build.assign(each, value, at)], unset, at))
    if lowered.cells:
        statements.append(_cells_again(lowered, at))
    statements += lowered.makers
    statements += point.again if point else ()
    if lowered.generator:
        statements.append(_never_yield(at))
    statements.append(build.clear([build.STATE], at))
    return statements


def _cells_again(lowered: Lowered, at: Any) -> ast.stmt:
    nothing = ast.arguments([], [], None, [], [], None, [])
    every = ast.Tuple([build.name(each, at) for each in lowered.cells], build.LOAD, **build.spot(at))
    return build.assign(build.CELLS, ast.Lambda(nothing, every, **build.spot(at)), at)


_UNCHANGED = (*FUNCTIONS, ast.Lambda, ast.ClassDef, ast.Name, ast.Constant, ast.expr_context, ast.operator)


def _is_bare_super(node: ast.Call) -> bool:
    called = isinstance(node.func, ast.Name) and node.func.id == "super"
    return called and not node.args and not node.keywords


class _Body(ast.NodeTransformer):
    """The statements of a function, fit for a re-entry form.

    Its header declares globals and nonlocals, and its first parameter is not the method's, so
    ``super()`` gets its arguments.
    """

    def __init__(self, lowered: Lowered) -> None:
        arguments = lowered.original.args
        first = [*arguments.posonlyargs, *arguments.args][:1]
        self.first = first[0].arg if first and "__class__" in lowered.cells else None
        self.declared = set(lowered.cells) | lowered.scope.globals
        self.active = bool(self.first or self.declared)

    def visit(self, node: ast.AST) -> Any:
        if not self.active or isinstance(node, _UNCHANGED):
            return node
        if isinstance(node, ast.Global | ast.Nonlocal):
            return ast.Pass(**build.spot(node))
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", None) in self.declared:
            return self.unannotated(node)
        if self.first and isinstance(node, ast.Call) and _is_bare_super(node):
            return build.replaced(node, args=[build.name("__class__", node), build.name(self.first, node)])
        return self.copied(node)

    def unannotated(self, node: ast.AnnAssign) -> ast.stmt:
        """What the header has declared can't be annotated as well."""
        if node.value is None:
            return ast.Pass(**build.spot(node))
        return ast.Assign([node.target], self.visit(node.value), **build.spot(node))

    def copied(self, node: Any) -> Any:
        """The node with its children visited: a copy if one of them changed."""
        changes: dict[str, Any] = {}
        for field in node._fields:
            value = getattr(node, field, None)
            if type(value) is list:
                fresh = [self.visit(each) if isinstance(each, ast.AST) else each for each in value]
                if any(new is not old for new, old in zip(fresh, value, strict=True)):
                    changes[field] = fresh
            elif isinstance(value, ast.AST) and (fresh := self.visit(value)) is not value:
                changes[field] = fresh
        if not changes:
            return node
        fields = {field: getattr(node, field, None) for field in node._fields}
        return ast.copy_location(type(node)(**fields | changes), node)


def _never_yield(at: Any) -> ast.stmt:
    """Keeps a generator one, when the way from here on passes no yield."""
    never = build.expression(ast.Yield(None, **build.spot(at)), at)
    return build.branch(build.constant(False, at), [never], [], at)
