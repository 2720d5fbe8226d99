"""Keys are hashed as the official clients hash them."""

from hashlib import sha256

from perdure.client.idempotency import make_key


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_the_scope_is_in_the_hash():
    assert make_key("k", "global", "run_1", 2).hash == hashed("k")
    assert make_key("k", "run", "run_1", 2).hash == hashed("k-run_1")
    assert make_key("k", "attempt", "run_1", 2).hash == hashed("k-run_1-2")


def test_outside_of_runs_all_scopes_are_one():
    assert {make_key("k", scope).hash for scope in ("run", "attempt", "global")} == {hashed("k")}


def test_parts_are_joined():
    key = make_key(["order", "7"], "global")

    assert (key.hash, key.key) == (hashed("order-7"), "order-7")


def test_a_hash_stays_as_it_is():
    made = hashed("anything")

    assert make_key(made, "run", "run_1").hash == made
