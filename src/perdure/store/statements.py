"""SQL, said once.

Statements stand in `.sql` files, each under a `-- name: …` line:

    -- name: expire_runs
    -- Give up queued runs whose TTL is over.
    update runs
       set status = 'EXPIRED', finished_at = :now
     where id in {list:ids} and status = 'QUEUED'
    returning id, queue

`:name` is a parameter.  What the dialects spell differently is a word:

| Word | SQLite | PostgreSQL |
|---|---|---|
| `{int8}` | `integer` | `bigint` |
| `{float8}` | `real` | `double precision` |
| `{bytes}` | `blob` | `bytea` |
| `{serial}` | `integer primary key` | `bigint generated always as identity primary key` |
| `{skip_locked}` | *(nothing: one writer)* | `for update skip locked` |
| `{for_update}` | *(nothing: one writer)* | `for update` |
| `{clustered}` | `strict, without rowid`: for tables of small rows found by their key | *(nothing)* |
| `{strict}` | `strict`: after each `create table (…)`, so SQLite checks types | *(nothing: always)* |
| `{greatest}`, `{least}` | `max`, `min` | `greatest`, `least` |
| `{list:name}` | a select over a list of texts, for `in {list:name}` | the same |
| `{list_int:name}` | the same over a list of integers | the same |
| `{rows:name(a text, b int8)}` | one row; it is run for each | a table made of a list of mappings |

`{rows:…}` is how one statement writes many rows.  It is a table in parentheses,
so it takes an alias; its types are `text`, `int8` and `float8` (not `bytes`: use
`tx.many` for those).  A statement may have one, and must mean the same when it is
run for each row by itself, as SQLite does:

    insert into tags (run, tag)
    select r.run, r.tag from {rows:tags(run text, tag text)} as r
     where true                       -- SQLite needs it between select and on conflict
    on conflict do nothing

    update runs set attempt = r.attempt
      from {rows:runs(id text, attempt int8)} as r
     where runs.id = r.id

If the dialects must differ, both variants stand one under the other, as
`-- name: x (sqlite)` and `-- name: x (postgres)`.

**Types of parameters.**  PostgreSQL infers them from the place: `where id = :id`
needs nothing.  Where the place says nothing (`select :now`, `:a + :b`, `:x is
null`, an argument of `coalesce`) write `cast(:now as {int8})`.  Two uses of one
parameter must agree.  Never `::` (SQLite does not know it).

**NULL.**  `{greatest}(a, null)` is NULL in SQLite and `a` in PostgreSQL: wrap what
may be NULL in `coalesce`.  `order by x` puts NULL first in SQLite and last in
PostgreSQL: say `nulls first` or `nulls last`.

**Constraints** are checked at once, never `deferrable`: on SQLite a commit is
shared, and what it refuses, it refuses to all who share it.

**Order.**  `returning` promises none; sort in Python, or by a column of `{rows:…}`.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from operator import itemgetter
from typing import Any, TypeAlias

from perdure.core.errors import StatementInvalid
from perdure.store.database import Dialect

Parameters: TypeAlias = Mapping[str, object]

WORDS: dict[Dialect, dict[str, str]] = {
    "sqlite": {
        "int8": "integer",
        "float8": "real",
        "bytes": "blob",
        "serial": "integer primary key",
        "skip_locked": "",
        "for_update": "",
        "clustered": "strict, without rowid",
        "strict": "strict",
        "greatest": "max",
        "least": "min",
    },
    "postgres": {
        "int8": "bigint",
        "float8": "double precision",
        "bytes": "bytea",
        "serial": "bigint generated always as identity primary key",
        "skip_locked": "for update skip locked",
        "for_update": "for update",
        "clustered": "",
        "strict": "",
        "greatest": "greatest",
        "least": "least",
    },
}

LISTS = {"list": "text", "list_int": "bigint"}
"""Words that take the name of a list parameter, and PostgreSQL's type of its items."""

ROW_TYPES = {"text": "text", "int8": "bigint", "float8": "double precision"}
"""The column types of `{rows:…}`, and PostgreSQL's names for them."""

_NAME_LINE = re.compile(r"^-- name: *(\w+)(?: *\((sqlite|postgres)\))? *$", re.MULTILINE)

_TOKEN = re.compile(
    r"""
      (?P<text>    '(?:[^']|'')*' | "[^"]*" )
    | (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<cast>    :: )
    | : (?P<parameter> [A-Za-z_]\w* )
    | \{ (?P<word> \w+ ) (?: : (?P<argument> \w+ ) (?: \( (?P<columns> [^)]* ) \) )? )? \}
    | (?P<end>     ; )
    """,
    re.VERBOSE | re.DOTALL,
)

_WRITES = re.compile(r"\b(insert|update|delete)\b", re.IGNORECASE)
_RETURNING = re.compile(r"\breturning\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, spelled for one dialect."""

    name: str
    text: str
    parameters: frozenset[str]
    returns_rows: bool
    bind: Callable[[Parameters], Any]
    """Turns parameters into what the driver takes: positional values; a list of these if `runs_each`."""
    runs_each: bool = False
    """Whether it is run once for each row of its `{rows:…}`."""

    def arguments(self, params: Parameters) -> Any:
        """Check the parameters and turn them into what the driver takes."""
        if params.keys() != self.parameters:
            raise StatementInvalid(statement=self.name, problem=self._difference(params))
        return self.bind(params)

    def _difference(self, params: Parameters) -> str:
        missing = sorted(self.parameters - params.keys())
        unknown = sorted(params.keys() - self.parameters)
        told = [f"missing parameters {missing}"] if missing else []
        return ", ".join([*told, f"unknown parameters {unknown}"] if unknown else told)


class Statements:
    """All statements of a schema, spelled for one dialect."""

    def __init__(self, statements: Mapping[str, Statement]) -> None:
        """Hold these statements by name."""
        self._statements = statements

    def __getitem__(self, name: str) -> Statement:
        """The statement of this name; raises `StatementInvalid` with the nearest one."""
        try:
            return self._statements[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._statements, n=1)
            problem = "there is none of this name" + (f"; did you mean {near[0]!r}?" if near else "")
            raise StatementInvalid(statement=name, problem=problem) from None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._statements)


def load(folder: Traversable, dialect: Dialect) -> Statements:
    """Read all `.sql` files of a folder and spell them for a dialect.

    Args:
        folder: holds the files.
        dialect: which spelling to use.

    Raises:
        StatementInvalid: a name is defined twice or for one dialect only, or a
            word is unknown.
    """
    texts: dict[str, str] = {}
    for file in sql_files(folder):
        for name, text in split_named(file.read_text("utf-8"), dialect):
            if name in texts:
                raise StatementInvalid(statement=name, problem="it is defined twice")
            texts[name] = text
    return Statements({name: compile_statement(name, text, dialect) for name, text in texts.items()})


def sql_files(folder: Traversable) -> list[Traversable]:
    """Return the `.sql` files of a folder by name."""
    return sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )


def split_named(text: str, dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Yield the name and template of each statement in the text of one file."""
    _, *parts = _NAME_LINE.split(text)
    variants: dict[str, set[str]] = {}
    for name, variant, template in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        variants.setdefault(name, set()).add(variant or "both")
        if variant in (None, dialect):
            yield name, template
    for name, found in variants.items():
        if found not in ({"both"}, {"sqlite", "postgres"}):
            raise StatementInvalid(statement=name, problem=f"it has variants for {sorted(found)} only")


def compile_statement(name: str, template: str, dialect: Dialect) -> Statement:
    """Spell one statement for a dialect, without its comments."""
    speller = _SPELLERS[dialect](name)
    text = " ".join(speller.spell(template).split("\n")).strip().rstrip(";").rstrip()
    bare = _TOKEN.sub(lambda token: token[0] if token["parameter"] else " ", template)
    return Statement(
        name=name,
        text=text,
        parameters=frozenset(speller.names),
        returns_rows=bool(_RETURNING.search(bare)) or not _WRITES.search(bare),
        bind=speller.binder(),
        runs_each=speller.runs_each,
    )


def spell_script(name: str, script: str, dialect: Dialect) -> list[str]:
    """Spell a script, such as a migration, and split it into its statements."""
    speller = _SPELLERS[dialect](name)
    statements = [part.strip() for part in speller.spell(script, separator="\0").split("\0")]
    if speller.names:
        raise StatementInvalid(statement=name, problem="a script takes no parameters")
    return [statement for statement in statements if statement]


class _Speller:
    """Walks a template once, replacing words and collecting parameters."""

    dialect: Dialect
    runs_each = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.names: dict[str, str] = {}
        """Each parameter, and the word that brought it (`""` for a plain one)."""

    def spell(self, template: str, separator: str = ";") -> str:
        return _TOKEN.sub(lambda token: self._token(token, separator), template)

    def _token(self, token: re.Match[str], separator: str) -> str:
        match token.lastgroup:
            case "text":
                return token[0]
            case "comment":
                return ""
            case "end":
                return separator
            case "cast":
                raise self.invalid("'::' is PostgreSQL only; write cast(… as …)")
            case "parameter":
                self._note(token["parameter"], "")
                return self.parameter(token["parameter"])
            case _:
                return self._word(token)

    def _word(self, token: re.Match[str]) -> str:
        word, argument, columns = token["word"], token["argument"], token["columns"]
        if argument is None and word in WORDS[self.dialect]:
            return WORDS[self.dialect][word]
        if argument and columns is None and word in LISTS:
            self._note(argument, word)
            return self.items(argument, LISTS[word])
        if argument and columns and word == "rows":
            self._note(argument, f"rows({columns})")
            return self.table(argument, self._columns(columns))
        raise self.invalid(f"unknown word {token[0]!r}")

    def _columns(self, text: str) -> dict[str, str]:
        columns = dict(column.split() for column in text.split(","))
        for column, kind in columns.items():
            if kind not in ROW_TYPES:
                raise self.invalid(f"column {column!r} of {{rows:…}} is {kind!r}; can be {list(ROW_TYPES)}")
        return columns

    def _note(self, parameter: str, word: str) -> None:
        if self.names.setdefault(parameter, word) != word:
            raise self.invalid(f"parameter {parameter!r} is used in two ways")

    def invalid(self, problem: str) -> StatementInvalid:
        return StatementInvalid(statement=self.name, problem=problem)

    def parameter(self, name: str) -> str:
        raise NotImplementedError

    def items(self, name: str, kind: str) -> str:
        raise NotImplementedError

    def table(self, name: str, columns: dict[str, str]) -> str:
        raise NotImplementedError

    def binder(self) -> Callable[[Parameters], Any]:
        raise NotImplementedError


class _SQLiteSpeller(_Speller):
    """Numbered parameters; lists as JSON; a statement over rows is run once for each of them.

    No message goes to a server here, so a statement for each row costs nothing, while taking rows
    apart again from JSON costs more than storing them.
    """

    dialect: Dialect = "sqlite"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._places: dict[tuple[str, str | None], int] = {}
        self._rows: str | None = None

    def _place(self, name: str, column: str | None = None) -> str:
        return f"?{self._places.setdefault((name, column), len(self._places) + 1)}"

    def parameter(self, name: str) -> str:
        return self._place(name)

    def items(self, name: str, kind: str) -> str:
        return f"(select value from json_each({self._place(name)}))"

    def table(self, name: str, columns: dict[str, str]) -> str:
        if self._rows not in (None, name):
            raise self.invalid("it has more than one {rows:…}")
        self._rows = name
        return f"(select {', '.join(f'{self._place(name, column)} as {column}' for column in columns)})"

    @property
    def runs_each(self) -> bool:
        return self._rows is not None

    def binder(self) -> Callable[[Parameters], Any]:
        rows = self._rows
        plain = [(name, self._encoder(name)) for name, column in self._places if column is None]
        if rows is None:
            return lambda params: [encode(params[name]) for name, encode in plain]
        order = [(place, column) for place, (_, column) in enumerate(self._places)]
        columns = [column for _, column in order if column is not None]
        before = next(place for place, column in order if column is not None)

        def bind(params: Parameters) -> list[tuple[object, ...]]:
            fixed = tuple(encode(params[name]) for name, encode in plain)
            head, tail = fixed[:before], fixed[before:]
            taken = _takers(columns)(_sequence(params[rows]))
            return [head + row + tail for row in taken] if fixed else list(taken)

        return bind

    def _encoder(self, name: str) -> Callable[[object], object]:
        return _encode_json if self.names[name] in LISTS else _as_it_is


class _PostgresSpeller(_Speller):
    """Numbered parameters; lists as arrays; rows as one array for each column."""

    dialect: Dialect = "postgres"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._places: dict[tuple[str, str | None], int] = {}

    def _place(self, name: str, column: str | None = None) -> str:
        return f"${self._places.setdefault((name, column), len(self._places) + 1)}"

    def parameter(self, name: str) -> str:
        return self._place(name)

    def items(self, name: str, kind: str) -> str:
        return f"(select unnest(cast({self._place(name)} as {kind}[])))"

    def table(self, name: str, columns: dict[str, str]) -> str:
        arrays = (
            f"cast({self._place(name, column)} as {ROW_TYPES[kind]}[])" for column, kind in columns.items()
        )
        return f"(select * from unnest({', '.join(arrays)}) as {name}_({', '.join(columns)}))"

    def binder(self) -> Callable[[Parameters], Any]:
        places = tuple(self._places)
        if all(column is None for _, column in places):
            names = tuple(name for name, _ in places)
            return lambda params: [params[name] for name in names]
        return lambda params: [
            params[name] if column is None else _column(params[name], column) for name, column in places
        ]


_SPELLERS: dict[Dialect, type[_Speller]] = {"sqlite": _SQLiteSpeller, "postgres": _PostgresSpeller}


def _encode_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _as_it_is(value: object) -> object:
    return value


def _takers(
    columns: Sequence[str],
) -> Callable[[Sequence[Mapping[str, object]]], Iterator[tuple[object, ...]]]:
    """Return what takes these columns out of each row, as tuples."""
    if len(columns) == 1:
        return lambda rows: ((row[columns[0]],) for row in rows)
    take = itemgetter(*columns)
    return lambda rows: map(take, rows)


def _column(rows: object, column: str) -> list[object]:
    return [row[column] for row in _sequence(rows)]


def _sequence(rows: object) -> Sequence[Mapping[str, object]]:
    return rows  # pyright: ignore[reportReturnType]  -- the statement says that it takes rows
