"""Dead letters: runs that failed for good, kept for people."""

from perdure.wire import dead_letters
from perdure.wire.endpoint import KILOBYTE, Endpoint
from perdure.wire.model import Nothing

LIST_DEAD_LETTERS = Endpoint(
    name="listDeadLetters",
    method="GET",
    path="/api/v1/dead-letters",
    takes=dead_letters.DeadLetterFilter,
    gives=dead_letters.DeadLetterPage,
    summary="List runs that failed for good and wait for somebody, those that failed last first.",
)
RETRIEVE_DEAD_LETTER = Endpoint(
    name="retrieveDeadLetter",
    method="GET",
    path="/api/v1/dead-letters/{run}",
    takes=Nothing,
    gives=dead_letters.DeadLetter,
    summary="Get the dead letter of a run.",
    errors=(401, 404),
)
REDRIVE_DEAD_LETTERS = Endpoint(
    name="redriveDeadLetters",
    method="POST",
    path="/api/v1/dead-letters/redrive",
    takes=dead_letters.ChooseLetters,
    gives=dead_letters.LettersRedriven,
    summary="Trigger failed runs again, some or all of a filter; each leaves the list.",
    limit=100 * KILOBYTE,
    errors=(400, 401, 404),
)
DISCARD_DEAD_LETTERS = Endpoint(
    name="discardDeadLetters",
    method="POST",
    path="/api/v1/dead-letters/discard",
    takes=dead_letters.ChooseLetters,
    gives=dead_letters.LettersDiscarded,
    summary="Take failed runs off the list, some or all of a filter; the runs stay as long as others do.",
    limit=100 * KILOBYTE,
    errors=(400, 401, 404),
)
