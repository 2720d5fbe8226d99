# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""Idempotency keys, for blocking code."""

from perdure.client.call import Sender
from perdure.client.calls import runs as calls
from perdure.client.idempotency import Scope


class IdempotencyKeys:
    """The keys under which a second trigger gives the first one's run."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def reset(
        self,
        task: str,
        key: str,
        *,
        scope: Scope = "global",
        run: str | None = None,
        attempt: int | None = None,
    ) -> None:
        """Forget a key, so that its next trigger makes a new run.

        Args:
            task: the task that was triggered.
            key: the key as it was given.
            scope: the scope it was made with.
            run: of scope `run` or `attempt`: the run that triggered.
            attempt: of scope `attempt`: the number of its attempt.

        Raises:
            NotFound: no run has this key.
        """
        self._client.send(calls.reset_key(task, key, scope, run, attempt))
