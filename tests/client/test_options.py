"""Options that can't be: the error names the option, a short form of its value, and what it takes."""

import pytest

from perdure.client.options import make_options
from perdure.core.errors import BadOption

TEN = "tags can't be ['0', '1', '2', '… 11 in all']; it takes at most 10 items."
LONG_TAG = f"tags can't be '{'t' * 80}…'; it takes at most 128 characters."
LONG_KEY = f"concurrency_key can't be '{'k' * 80}…'; it takes at most 512 characters."
REFUSED = [
    ({"tags": [str(number) for number in range(11)]}, TEN),
    ({"tags": ["t" * 129]}, LONG_TAG),
    ({"concurrency_key": "k" * 513}, LONG_KEY),
    ({"max_attempts": 0}, "max_attempts can't be 0; it takes a number from 1 on."),
]


@pytest.mark.parametrize(("given", "told"), REFUSED, ids=[next(iter(given)) for given, _ in REFUSED])
def test_a_bad_option_is_told_shortly(given: dict[str, object], told: str):
    with pytest.raises(BadOption) as caught:
        make_options(given)

    assert str(caught.value) == f"Option {told}"
