"""What can go wrong.

PerdureError
├── Invalid                  400  the request cannot be understood
│   ├── BadOption                 an option has a value it can't have
│   ├── UnknownOption             an option has a name that there is not
│   ├── BadDuration               a text is no duration
│   ├── Unstorable                a value that no database can hold
│   ├── BadMetadata               a change of metadata can't be made
│   ├── RunEnded                  a run that has ended takes nothing more
│   └── BadSetting                a setting has an unknown name or a bad value
├── Unauthorized             401  no key, or a wrong one
│   ├── NoSecretKey               the client has no key to send
│   └── KeyRefused                the server does not know the client's key
├── Forbidden                403  the key or token does not allow this
├── NotFound                 404  a run, task, queue … that does not exist
├── TooLarge                 413  more than the limit
├── WrongMediaType           415  the body is of another type than it must be
├── Unprocessable            422  understood, but can't be done
│   ├── IllegalTransition         the run is not in a state that allows this
│   ├── LeaseLost                 another worker owns this run now
│   ├── TokenUsed                 a one-time token has triggered before
│   ├── BatchClosed               a batch was given up before its items were all there
│   ├── TooManyTags               a run would have more tags than it may
│   ├── BadCron                   a text is no cron expression
│   ├── UnknownZone               there is no time zone of this name
│   └── DeclaredInCode            a schedule can only be changed in the code that declares it
├── TooManyRequests          429  the rate limit is used up
├── TooManyWatch             429  as many watch runs and streams as may
├── StorageError             503  the database can't be used; its tree is in `storage_errors`
├── ServerStopping           503  the server stops; ask again
├── ServerUnreachable             no Perdure server answers
├── BadAnswer                     what answers is not a Perdure server
├── PortInUse                     another program listens on the server's port
├── ProjectUnloadable             a worker can't import the project at all
├── OutsideRun                    something of a run was used where no run is
└── TaskError                     raised by or for task code
    ├── AbortRun                  the task gives up: no retry
    ├── RunFailed                 a run that was waited for did not succeed
    ├── BatchFailed               some runs of a batch did not succeed
    ├── PayloadInvalid            the payload does not fit the task's parameters
    ├── OutputInvalid             the result can't be written as JSON
    ├── WaitTimeout               what was waited for did not come in time
    ├── AnswerInvalid             a token was completed with data that does not fit
    ├── WaitOver                  the moment to wait for is past
    ├── RecursiveWait             a run would wait for itself, or for one that waits for it
    ├── CheckpointRefused         a checkpoint can't be stored
    ├── SnapshotTooLarge          the state of a run is over the limit
    └── CannotGoOn                a stored state can't be restored

The message is the first paragraph of the class's docstring, filled in with the facts the error was
raised with; `code` is stable and is what programs compare.
"""

import inspect


class PerdureError(Exception):
    """Something went wrong."""

    code = "error"
    status = 500

    def __init__(self, message: str | None = None, **facts: object) -> None:
        """Build the message from the docstring's first paragraph, or take the one given."""
        self.facts = facts
        super().__init__(message if message is not None else self._from_docstring(facts))

    @classmethod
    def _from_docstring(cls, facts: dict[str, object]) -> str:
        paragraph = inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0]
        return " ".join(paragraph.split()).format(**facts)


class Invalid(PerdureError):
    """The request cannot be understood."""

    code = "invalid"
    status = 400


class BadOption(Invalid):
    """Option {option} can't be {value!r}; it takes {expected}."""

    code = "bad_option"


class UnknownOption(Invalid):
    """There is no option {option}; {hint}."""

    code = "unknown_option"


class BadDuration(Invalid):
    """{duration} is no duration: use seconds (90), a text ("1h30m", units ms s m h d w) or a timedelta."""

    code = "bad_duration"


class BadMetadata(Invalid):
    """Metadata key {key} can't be changed: {reason}."""

    code = "bad_metadata"


class RunEnded(Invalid):
    """Run {run} has ended ({status}), so it takes and streams nothing more."""

    code = "run_ended"


class Unstorable(Invalid):
    """A value can't be stored: {problem}.

    A number of more than 64 bits, or a text with a NUL character.
    """

    code = "unstorable"


class BadSetting(Invalid):
    """Setting {setting} can't be used: {reason}."""

    code = "bad_setting"


class Unauthorized(PerdureError):
    """Invalid or missing API key."""

    code = "unauthorized"
    status = 401


class NoSecretKey(Unauthorized):
    """There is no secret key: set PERDURE_SECRET_KEY, or run `perdure dev` in this project once.

    `perdure dev` makes one and keeps it in .perdure/dev.key; a client also takes it as secret_key=….
    """

    code = "no_secret_key"


class KeyRefused(Unauthorized):
    """{reason}: {url} does not take the key {key}. Check PERDURE_SECRET_KEY and PERDURE_API_URL.

    `perdure dev` keeps the key of its environment in .perdure/dev.key, where clients find it by themselves.
    """

    code = "key_refused"


class Forbidden(PerdureError):
    """This key or token does not allow {action}."""

    code = "forbidden"
    status = 403


class NotFound(PerdureError):
    """There is no {kind} {name}."""

    code = "not_found"
    status = 404


class TooLarge(PerdureError):
    """{what} is {size} bytes; the limit is {limit}. Keep large data elsewhere and send where it is."""

    code = "too_large"
    status = 413


class WrongMediaType(PerdureError):
    """The body is {given!r}; send {expected}."""

    code = "wrong_media_type"
    status = 415


class Unprocessable(PerdureError):
    """This can't be done."""

    code = "unprocessable"
    status = 422


class IllegalTransition(Unprocessable):
    """A run that is {status} can't {on}."""

    code = "illegal_transition"


class LeaseLost(Unprocessable):
    """Run {run} is no longer held by this worker: its lease has passed on.

    What the worker reported was discarded.  If this repeats, the worker stalls for longer than its
    lease.
    """

    code = "lease_lost"


class TokenUsed(Unprocessable):
    """Cannot trigger {task} with a one-time use token as it has already been used."""

    code = "token_used"


class BatchClosed(Unprocessable):
    """Batch {batch} was given up with {received} of {expected} items: the rest did not come. Send it anew.

    A batch whose items are not all there half an hour after it was made is given up, and so is one that
    is canceled before.  The runs of the items that came go on, unless it was canceled.
    """

    code = "batch_closed"


class TooManyTags(Unprocessable):
    """Run {run} would have {count} tags; the most is {limit}."""

    code = "too_many_tags"


class BadCron(Unprocessable):
    """Cron expression {cron!r} can't be used: {reason}. A valid one is {example!r}."""

    code = "bad_cron"


class UnknownZone(Unprocessable):
    """There is no time zone {zone!r}; {hint} `perdure schedules timezones` lists them all."""

    code = "unknown_zone"


class DeclaredInCode(Unprocessable):
    """Schedule {schedule} is declared in the code of task {task}: {change} it there; deactivate it here.

    A schedule that `@task(cron=…)` declares follows the code of the version that is live.
    """

    code = "declared_in_code"


class TooManyWatch(PerdureError):
    """Too many concurrent requests: {count} watch this server; close some, or raise PERDURE_MAX_WATCHERS."""

    code = "too_many_watch"
    status = 429


class TooManyRequests(PerdureError):
    """Too many requests; the next is allowed in {seconds} seconds."""

    code = "too_many_requests"
    status = 429


class ServerStopping(PerdureError):
    """The server is stopping; ask again, and the next one will answer."""

    code = "server_stopping"
    status = 503


class PortInUse(PerdureError):
    """Port {port} of {host} can't be used ({reason}): free it, or choose another with --port."""

    code = "port_in_use"


class ServerUnreachable(PerdureError):
    """No Perdure server answers at {url} ({reason}): start one with `perdure dev`, or set PERDURE_API_URL."""

    code = "server_unreachable"


class BadAnswer(PerdureError):
    """What answered {endpoint} is not a Perdure server, or another version of it: {reason}"""

    code = "bad_answer"


class ProjectUnloadable(PerdureError):
    """The project can't be loaded: {reason}"""

    code = "project_unloadable"


class OutsideRun(PerdureError):
    """{what} is only there inside a run: use it in a task, or in what a task calls."""

    code = "outside_run"


class TaskError(PerdureError):
    """The task failed."""

    code = "task_error"


class AbortRun(TaskError):
    """The task gave up.

    Raise it in a task to fail the run at once, however many attempts are left.
    """

    code = "task_aborted"


class RunFailed(TaskError):
    """Run {run} of task {task} ended as {status}: {error}"""

    code = "run_failed"


class BatchFailed(TaskError):
    """{failed} of {count} items of the batch did not succeed: {first}"""

    code = "batch_failed"


class PayloadInvalid(TaskError):
    """The payload does not fit task {task}: {problems}"""

    code = "payload_invalid"


class OutputInvalid(TaskError):
    """Task {task} returned what can't be written as JSON: {reason}"""

    code = "output_invalid"


class WaitTimeout(TaskError):
    """{what} did not come in time."""

    code = "wait_timeout"


class AnswerInvalid(TaskError):
    """Token {token} was completed with data that does not fit {model}: {problems}"""

    code = "answer_invalid"


class WaitOver(TaskError):
    """The moment to wait until is past: {moment}. Leave out raise_if_past to go on at once."""

    code = "wait_over"


class RecursiveWait(TaskError):
    """Run {run} can't wait for {child}, which is itself or waits for it: use another idempotency key."""

    code = "recursive_wait"
    status = 422


class CheckpointRefused(TaskError):
    """Checkpoint {key!r} can't be stored: {reason}"""

    code = "checkpoint_refused"


class SnapshotTooLarge(TaskError):
    """The state of this run is {size} bytes; the limit is {limit}. The largest locals are {largest}.

    What a run remembers over a wait is stored.  Keep large values elsewhere, and their place in a local.
    """

    code = "snapshot_too_large"


class CannotGoOn(TaskError):
    """The run can't go on from its stored state: {reason}"""

    code = "cannot_go_on"
