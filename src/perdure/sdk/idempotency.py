"""Keys under which a second trigger gives the first one's run."""

from perdure.client.idempotency import IdempotencyKey, Scope, make_key
from perdure.sdk import context


def idempotency_key(*parts: str, scope: Scope = "run") -> IdempotencyKey:
    """Return a key to trigger with.

    Args:
        parts: what the trigger is about, such as `"order", order_id`.
        scope: `run`: unique within the run that triggers; `attempt`: within its attempt; `global`:
            within the environment.  Outside of runs all three are global.
    """
    inside = context.current()
    if inside is None:
        return make_key(parts, scope)
    return make_key(parts, scope, inside.run.id, inside.attempt.number)
