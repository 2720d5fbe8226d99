"""Packets: the payload, metadata, output and error of a run, each a text with its type."""

from collections.abc import Sequence

from perdure.store.database import Tx
from perdure.store.rows import Packet

PAYLOAD = "payload"
METADATA = "metadata"
SEED = "seed"
"""The metadata that a run was triggered with, kept once it is changed."""
OUTPUT = "output"
ERROR = "error"
TRACE = "trace"
"""The `traceparent` that a run was triggered with, where that is not known from its family."""


async def insert(tx: Tx, packets: Sequence[Packet]) -> None:
    """Store packets that do not exist yet."""
    await tx.run("insert_packets", packets=_rows(packets))


async def put(tx: Tx, packets: Sequence[Packet]) -> None:
    """Store packets; one of the same run and kind is replaced."""
    await tx.run("put_packets", packets=_rows(packets))


async def of_runs(tx: Tx, runs: Sequence[str], *kinds: str) -> list[Packet]:
    """Return the packets of these kinds that these runs have, in no order."""
    return [Packet(*row) for row in await tx.all("packets", runs=runs, kinds=kinds)]


def _rows(packets: Sequence[Packet]) -> list[dict[str, object]]:
    return [{"run": p.run, "kind": p.kind, "type": p.type, "data": p.data} for p in packets]
