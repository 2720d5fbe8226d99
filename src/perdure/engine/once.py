"""Triggers that happen once: which of some drafts stand for a run that exists.

The user's idempotency key goes with a task; it is kept until its time is over, its run fails, or it
is reset.  An implicit key is what the SDK gives to a run's children, so that a run which goes on from a
stored state, or is tried again, triggers none twice; a child that failed or was canceled frees it.  A
request's key is the HTTP client's own, so that a request it had to send twice makes one run; it comes before
the others, so that a repeated request is answered as the first was.  A one-time token's key goes with no
task: it triggers once, whatever it triggers.  A tick's key is made of its schedule and its moment.  Scopes
(run, attempt, global) are in the key's hash, made by the client.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.core.errors import RecursiveWait
from perdure.core.lifecycle import FAILURES, Status
from perdure.engine.drafts import Draft, Key
from perdure.engine.key_claims import KeyClaim, take
from perdure.store import batches, keys, runs, waits
from perdure.store.database import Tx
from perdure.store.keys import IDEMPOTENCY, IMPLICIT, TOKEN, KeyHolder, hash_of

DEBOUNCE = "debounce"
"""The kind of a debounce key; these have a table of their own, and rules in `engine.debounce`."""


_FREED_BY = {IDEMPOTENCY: FAILURES, IMPLICIT: FAILURES | {Status.CANCELED}}
"""The ends of a run that free its key; the loser of a race, which was canceled, takes part in it again."""


@dataclass(frozen=True, slots=True)
class Existing:
    """The run that a draft stands for, and the kind of the key that says so."""

    run: str
    kind: str


async def existing(tx: Tx, drafts: Sequence[Draft], now: int) -> dict[str, Existing]:
    """Take the keys of drafts; return, for each that is not to be stored, the run it stands for."""
    asked = [(draft, _claim(draft, key, draft.id)) for draft in drafts for key in draft.keys]
    wanted: dict[bytes, KeyClaim] = {}
    for _, claim in asked:
        wanted.setdefault(claim.hash, claim)
    if not wanted:
        return {}
    owners = await _take(tx, list(wanted.values()), now)
    answers: dict[str, Existing] = {}
    for draft, claim in asked:
        owner = owners[claim.hash]
        if owner != draft.id:
            answers.setdefault(draft.id, Existing(owner, claim.kind))
    return answers


async def hand_on(tx: Tx, drafts: Sequence[Draft], joined: Mapping[str, str]) -> dict[str, Existing]:
    """Give the keys of drafts that were debounced to the runs that stand for them; return these.

    Args:
        tx: the transaction.
        drafts: what is triggered.
        joined: the runs that stand for some of them, by the draft's id.
    """
    rows = [
        {**_claim(draft, key, joined[draft.id]).row(), "old_run": draft.id}
        for draft in drafts
        if draft.id in joined
        for key in draft.keys
    ]
    if rows:
        await keys.take_over(tx, rows)
    return {draft: Existing(run, DEBOUNCE) for draft, run in joined.items()}


async def circular(
    tx: Tx, drafts: Sequence[Draft], found: Mapping[str, Existing]
) -> dict[str, RecursiveWait]:
    """Return an error for each draft whose trigger would wait for a run that led to it, or waits for it.

    A run that is new can't do that, so only those that a key stands for are looked at; nor can one that a
    run's own SDK knows as its child.

    Args:
        tx: the transaction.
        drafts: what is triggered.
        found: the runs that stand for some of them, by the draft's id.
    """
    errors: dict[str, RecursiveWait] = {}
    above: dict[str, set[str]] = {}
    for draft in drafts:
        chosen, known = draft.new.command.options, found.get(draft.id)
        waiter = chosen.parent_run_id
        if known is None or known.kind == IMPLICIT or not chosen.resume_parent_on_completion or not waiter:
            continue
        if waiter not in above:
            above[waiter] = await _above(tx, waiter)
        if known.run in above[waiter]:
            errors[draft.id] = RecursiveWait(run=waiter, child=known.run)
    return errors


async def _above(tx: Tx, run: str) -> set[str]:
    """Return a run, those that led to it, and those that wait for any of these, over however many others."""
    seen, edge = {run}, [run]
    while edge:
        parents = {row.parent for row in await runs.of_ids(tx, edge) if row.parent is not None}
        above = parents | {*await waits.waiters(tx, waits.RUN, edge), *await batches.awaiting(tx, edge)}
        edge = sorted(above - seen)
        seen |= above
    return seen


async def _take(tx: Tx, wanted: Sequence[KeyClaim], now: int) -> dict[bytes, str]:
    """Take the keys that are free or whose holder lost its claim; return whose each is now."""

    async def find_stale(holders: Sequence[KeyHolder]) -> list[KeyHolder]:
        return [holder for holder in holders if not stands(holder, now)]

    return await take(tx, wanted, find_stale)


def _claim(draft: Draft, key: Key, run: str) -> KeyClaim:
    task = "" if key.kind == TOKEN else draft.new.task
    hash = hash_of(draft.new.environment.id, task, key.kind, key.key)
    return KeyClaim(hash, key.kind, run, key.expires_at)


def stands(holder: KeyHolder, now: int) -> bool:
    """Tell whether a key still stands for the run that has it."""
    if holder.status is None and holder.kind != TOKEN:  # the run was forgotten; a token stays used
        return False
    return holder.expires_at > now and holder.status not in _FREED_BY.get(holder.kind, ())
