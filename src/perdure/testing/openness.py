"""The tokens that are open, and which of them a test means."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from perdure.core.clock import to_datetime_or_none
from perdure.core.errors import BadOption
from perdure.engine.tokens import TokenView
from perdure.sdk.wait import Token
from perdure.store import waits
from perdure.testing.errors import NoSuchToken
from perdure.testing.setting import API_URL
from perdure.testing.tokens import shown
from perdure.testing.world import World


@dataclass(frozen=True)
class OpenToken:
    """A token that nobody has completed."""

    id: str
    #: where an outsider would answer
    url: str
    tags: tuple[str, ...]
    timeout_at: datetime | None
    #: the ids of the tasks whose runs wait for it
    tasks: tuple[str, ...]


Choice = Token | OpenToken | str | Callable[[OpenToken], bool] | None


def open_tokens(world: World) -> list[OpenToken]:
    """Return the tokens that nobody has completed, in the order in which they were made."""
    return [_open(world, kept) for kept in world.tokens if kept.is_open]


def choose(world: World, choice: Choice) -> str:
    """Return the id of the token that a test means.

    Raises:
        BadOption: the choice is nothing that names a token.
        NoSuchToken: none, or more than one, is meant.
    """
    __tracebackhide__ = True
    if isinstance(choice, Token | OpenToken):
        return choice.id
    if isinstance(choice, str):
        return _id(choice)
    if choice is not None and not callable(choice):
        expected = "a token, its id or URL, or a function; the answer goes into data=…"
        raise BadOption(option="token", value=choice, expected=expected)
    there = open_tokens(world)
    found = [token for token in there if choice is None or choice(token)]
    if len(found) == 1:
        return found[0].id
    told = ", ".join(f"{token.id} of {' and '.join(token.tasks) or 'no task'}" for token in found or there)
    if found:
        raise NoSuchToken(f"Several tokens are meant; say which by its id or a predicate: {told}")
    raise NoSuchToken(there=f"these are open: {told}" if there else "none is open")


def _open(world: World, kept: TokenView) -> OpenToken:
    token = kept.token
    tasks = [
        life.row.task
        for life in world.lives.values()
        if any(w.kind == waits.TOKEN and w.subject == token.id for w in world.waiting(life))
    ]
    timeout_at = to_datetime_or_none(token.timeout_at)
    return OpenToken(token.id, shown(kept).url, tuple(kept.tags), timeout_at, tuple(dict.fromkeys(tasks)))


def _id(text: str) -> str:
    """Return the id in a callback URL; any other text is one itself."""
    if not text.startswith(API_URL):
        return text
    return next(part for part in urlsplit(text).path.split("/") if part.startswith("waitpoint_"))
