"""How a template becomes SQL: its words and parameters, as each dialect spells them.

What the words are is told in `perdure.store.statements`.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from perdure.core.storage_errors import StatementInvalid
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

ROW_TYPES = {"text": "text", "int8": "bigint", "float8": "double precision", "bytes": "bytea"}
"""The column types of `{rows:…}`, and PostgreSQL's names for them."""

TOKEN = re.compile(
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


ROWS_ALONE = re.compile(
    r"""
    \b (?:from|using) \s+ \{rows: (\w+) \( ([^)]*) \) \} \s+ as \s+ (\w+)
    (?= \s* (?: where\b | on\s+conflict\b | returning\b | \) | ; | $ ) )
    """,
    re.VERBOSE,
)
"""Rows that are joined with nothing."""


class Speller:
    """Walks a template once, replacing words and collecting parameters."""

    dialect: Dialect
    runs_each = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.names: dict[str, str] = {}
        """Each parameter, and the word that brought it (`""` for a plain one)."""

    def spell(self, template: str, separator: str = ";") -> str:
        """Return the SQL; its statements are divided by the separator."""
        return TOKEN.sub(lambda token: self._token(token, separator), template)

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
        """Return the error that tells of a problem with this statement."""
        return StatementInvalid(statement=self.name, problem=problem)

    def parameter(self, name: str) -> str:
        """Spell `:name`."""
        raise NotImplementedError

    def items(self, name: str, kind: str) -> str:
        """Spell `{list:name}`, whose items are of this kind."""
        raise NotImplementedError

    def table(self, name: str, columns: dict[str, str]) -> str:
        """Spell `{rows:name(columns)}`, where the columns have these types."""
        raise NotImplementedError

    def binder(self) -> Callable[[Parameters], Any]:
        """Return what turns parameters into what the driver takes, once the template is spelled."""
        raise NotImplementedError


class _SQLite(Speller):
    """Numbered parameters; lists as JSON; a statement over rows is run once for each of them.

    No message goes to a server here, so a statement for each row costs nothing, while taking rows
    apart again from JSON costs more than storing them.
    """

    dialect: Dialect = "sqlite"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._places: dict[tuple[str, str | None], int] = {}
        self._rows: str | None = None

    def spell(self, template: str, separator: str = ";") -> str:
        """Return the SQL; where rows are joined with nothing, the parameters stand in their columns' places.

        SQLite would store the row in a table of its own first, which takes as long as an update.
        """
        alone = ROWS_ALONE.search(template.rstrip())
        if alone is None:
            return super().spell(template, separator)
        name, columns, alias = alone.groups()
        self._note(name, f"rows({columns})")
        kinds = self._columns(columns)
        rest = template[: alone.start()].rstrip() + template[alone.end() :]
        of_column = re.compile(rf"\b{alias}\.(\w+)")
        used = dict.fromkeys(of_column.findall(rest))
        if unknown := [column for column in used if column not in kinds]:
            raise self.invalid(f"{alias}.{unknown[0]} is no column of {{rows:{name}(…)}}")
        self.table(name, used)
        return super().spell(of_column.sub(lambda found: self._place(name, found[1]), rest), separator)

    def _place(self, name: str, column: str | None = None) -> str:
        return f"?{self._places.setdefault((name, column), len(self._places) + 1)}"

    def parameter(self, name: str) -> str:
        return self._place(name)

    def items(self, name: str, kind: str) -> str:
        return f"(select value from json_each({self._place(name)}))"

    def table(self, name: str, columns: Iterable[str]) -> str:
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


class _Postgres(Speller):
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


SPELLERS: dict[Dialect, type[Speller]] = {"sqlite": _SQLite, "postgres": _Postgres}


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
