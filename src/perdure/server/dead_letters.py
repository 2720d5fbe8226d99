"""Dead letters: shown, redriven and discarded."""

from perdure.core.clock import to_datetime, to_datetime_or_none
from perdure.core.lifecycle import Status
from perdure.engine.dead_letters import LetterView
from perdure.server.handles import Call, handles
from perdure.wire import dead_letters as wire
from perdure.wire import endpoints
from perdure.wire.model import Nothing
from perdure.wire.values import CursorPage, RunError, SerializedError


@handles(endpoints.dead_letters.LIST_DEAD_LETTERS)
async def list_dead_letters(call: Call, wanted: wire.DeadLetterFilter) -> wire.DeadLetterPage:
    """List the letters."""
    page = await call.services.engine.dead_letters.list(call.environment, wanted)
    return wire.DeadLetterPage(
        data=[_shown(view) for view in page.letters], pagination=CursorPage(next=page.next)
    )


@handles(endpoints.dead_letters.RETRIEVE_DEAD_LETTER)
async def retrieve_dead_letter(call: Call, _: Nothing, run: str) -> wire.DeadLetter:
    """Show the letter of a run."""
    return _shown(await call.services.engine.dead_letters.get(call.environment, run))


@handles(endpoints.dead_letters.REDRIVE_DEAD_LETTERS)
async def redrive_dead_letters(call: Call, chosen: wire.ChooseLetters) -> wire.LettersRedriven:
    """Trigger failed runs again."""
    done = await call.services.engine.dead_letters.redrive(call.environment, chosen)
    call.services.metrics.triggered.inc(len(done.runs))
    return wire.LettersRedriven(
        redriven=[wire.Redriven(run=run, redriven_as=new) for run, new in done.runs.items()],
        has_more=done.has_more,
        failed_to=to_datetime(done.until),
    )


@handles(endpoints.dead_letters.DISCARD_DEAD_LETTERS)
async def discard_dead_letters(call: Call, chosen: wire.ChooseLetters) -> wire.LettersDiscarded:
    """Take failed runs off the list."""
    done = await call.services.engine.dead_letters.discard(call.environment, chosen)
    return wire.LettersDiscarded(
        discarded=[*done.runs], has_more=done.has_more, failed_to=to_datetime(done.until)
    )


def _shown(view: LetterView) -> wire.DeadLetter:
    letter, error = view.letter, view.error
    return wire.DeadLetter(
        run=letter.run,
        task_identifier=letter.task,
        queue=letter.queue,
        status=Status(letter.status),
        failed_at=to_datetime(letter.failed_at),
        error=SerializedError.of(RunError.model_validate_json(error.data)) if error else None,
        attempt_count=view.run.attempt,
        redriven_at=to_datetime_or_none(letter.redriven_at),
        redriven_as=letter.redriven_as,
    )
