"""Identifiers: their shape, and their order."""

import re

from perdure.core.ids import new_id

NOW = 1_767_225_600_000


def test_an_id_is_a_prefix_and_25_characters():
    assert re.fullmatch(r"run_[0-9a-v]{25}", new_id("run", NOW))


def test_later_moments_sort_later():
    ids = [new_id("run", NOW + n) for n in range(100)]

    assert ids == sorted(ids)


def test_ids_of_one_millisecond_sort_in_the_order_they_were_made():
    ids = [new_id("run", NOW) for _ in range(10_000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_ids_can_not_be_counted_on_from_one_another():
    first, second = (int(new_id("run", NOW)[-10:], 32) for _ in range(2))

    assert second - first != 1
