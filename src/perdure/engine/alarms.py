"""Setting alarms, and telling the timers when one may be the next."""

from collections.abc import Sequence
from operator import attrgetter

from perdure.engine.service import LONGEST_SLEEP_MS
from perdure.store import timers
from perdure.store.database import Tx
from perdure.store.timers import Timer

_ORDER = attrgetter("due_at", "kind", "subject")


async def set_alarms(tx: Tx, alarms: Sequence[Timer], now: int) -> None:
    """Set alarms, and wake the timers if one is due before they would look by themselves."""
    if not alarms:
        return
    await timers.add(tx, sorted(set(alarms), key=_ORDER))
    if any(alarm.due_at - now < LONGEST_SLEEP_MS for alarm in alarms):
        tx.hint(timers.CHANNEL)
