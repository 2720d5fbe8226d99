"""The user's functions in a stored state: how they are shown, and what a replay changes in them."""

from collections.abc import Iterable, Mapping
from typing import Any

from perdure import resumable
from perdure.sdk.requests import CheckpointRequest
from perdure.wire.waits import Changes, FrameView, frame_of

Path = tuple[int, ...]
"""Which branch: `()` is the run itself, `(1,)` the second of its `gather`."""


def frames_of(data: bytes, key: bytes, requests: Mapping[Path, Any]) -> list[FrameView]:
    """Return the user's functions in a stored state, outermost first, as they are shown.

    Args:
        data: the state.
        key: what signed it.
        requests: what each branch waits for.
    """
    frames = [frame for _, frame in _theirs(data, key)]
    waits: dict[int, list[str]] = {}
    for path, request in requests.items():
        if not isinstance(request, CheckpointRequest):
            waits.setdefault(_innermost(frames, path), []).append(request.wait().subject)
    return [frame.model_copy(update={"waits": waits.get(n, [])}) for n, frame in enumerate(frames)]


def places_of(
    data: bytes, key: bytes, changes: Changes, parameters: Mapping[str, Any]
) -> dict[tuple[int, str], Any]:
    """Return new values of locals by their place, as `resumable.restore` takes them.

    Args:
        data: the state.
        key: what signed it.
        changes: what a replay changes.
        parameters: the task's arguments, as the payload says.

    Raises:
        KeyError: no function has a local of that name.
    """
    numbers, frames = zip(*_theirs(data, key), strict=True)
    found: dict[tuple[int, str], Any] = {}
    if changes.parameters:
        known = frames[0].locals
        found |= {(numbers[0], name): value for name, value in parameters.items() if name in known}
    for local, value in changes.locals.items():
        place = frame_of(frames, local)
        if place is None:
            raise KeyError(f"there is no local {local}")
        found[numbers[place], local.rpartition(".")[2]] = value
    return found


def _theirs(data: bytes, key: bytes) -> Iterable[tuple[int, FrameView]]:
    """Yield the frames that are not ours, with their numbers among all."""
    for number, frame in enumerate(resumable.describe(data, key=key)["frames"]):
        if not frame["module"].startswith("perdure.sdk."):
            yield number, FrameView(**frame)


def _innermost(frames: list[FrameView], path: Path) -> int:
    """Return the innermost of the functions that lead to a branch."""
    above = [n for n, frame in enumerate(frames) if tuple(frame.path) == path[: len(frame.path)]]
    return max(above, key=lambda n: (len(frames[n].path), n))
