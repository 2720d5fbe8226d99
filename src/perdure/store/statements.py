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
| `{part:name}` | the part of this name | the same |

`{rows:…}` is how one statement writes many rows.  It is a table in parentheses,
so it takes an alias; its types are `text`, `int8`, `float8` and `bytes`.  A statement
may have one, names its columns by the alias, and must mean the same when it is run for
each row by itself, as SQLite does:

    insert into tags (run, tag)
    select r.run, r.tag from {rows:tags(run text, tag text)} as r
     where true                       -- SQLite needs it between select and on conflict
    on conflict do nothing

    update runs set attempt = r.attempt
      from {rows:runs(id text, attempt int8)} as r
     where runs.id = r.id

    delete from tags
     using {rows:old(run text, tag text)} as r     -- on SQLite, too
     where tags.run = r.run and tags.tag = r.tag

What several statements of a file share is a part, which stands at its head, before the first statement:

    -- part: is_live
    status in ('QUEUED', 'EXECUTING')

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

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

from perdure.core.names import similar
from perdure.core.storage_errors import StatementInvalid
from perdure.store.database import Dialect
from perdure.store.spelling import SPELLERS, TOKEN, Parameters

_NAME_LINE = re.compile(r"^-- name: *(\w+)(?: *\((sqlite|postgres)\))? *$", re.MULTILINE)

_PART_LINE = re.compile(r"^-- part: *(\w+) *$", re.MULTILINE)
_PART = re.compile(r"\{part:(\w+)\}")

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
            near = similar(name, list(self._statements))
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
    head, *rest = _NAME_LINE.split(text)
    _, *shared = _PART_LINE.split(head)
    parts = dict(zip(shared[::2], shared[1::2], strict=True))
    variants: dict[str, set[str]] = {}
    for name, variant, template in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        variants.setdefault(name, set()).add(variant or "both")
        if variant in (None, dialect):
            yield name, _with_parts(name, template, parts)
    for name, found in variants.items():
        if found not in ({"both"}, {"sqlite", "postgres"}):
            raise StatementInvalid(statement=name, problem=f"it has variants for {sorted(found)} only")


def _with_parts(name: str, template: str, parts: Mapping[str, str]) -> str:
    for part in _PART.findall(template):
        if part not in parts:
            raise StatementInvalid(statement=name, problem=f"its file has no part {part!r} at its head")
    return _PART.sub(lambda found: parts[found[1]].strip(), template)


def compile_statement(name: str, template: str, dialect: Dialect) -> Statement:
    """Spell one statement for a dialect, without its comments."""
    speller = SPELLERS[dialect](name)
    text = " ".join(speller.spell(template).split("\n")).strip().rstrip(";").rstrip()
    bare = TOKEN.sub(lambda token: token[0] if token["parameter"] else " ", template)
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
    speller = SPELLERS[dialect](name)
    statements = [part.strip() for part in speller.spell(script, separator="\0").split("\0")]
    if speller.names:
        raise StatementInvalid(statement=name, problem="a script takes no parameters")
    return [statement for statement in statements if statement]
