"""Loops over the iterators of Python, stored at the place where they were."""

import itertools
import operator
import sys

from .world import ask, double, log, odd, suspend


async def _walk(iterable):
    seen = []
    for item in iterable:
        seen.append((item, await suspend(1)))
    return seen


async def sequences():
    return [await _walk(each) for each in ([1, 2], (3, 4), "ab", b"cd", bytearray(b"e"), range(5, 0, -2))]


async def dictionaries_and_their_views():
    table = {"a": 1, "b": 2}
    return [await _walk(each) for each in (table, table.keys(), table.values(), table.items())]


async def views_held_in_locals_stay_views():
    table = {"a": 1}
    keys, values, pairs = table.keys(), table.values(), table.items()
    await suspend(1)
    table["b"] = 2
    await suspend(2)
    return list(keys), list(values), list(pairs), table


async def sets():
    total = 0
    for item in {1, 2, 3}:
        total += item + await suspend(0)
    for item in frozenset([4]):
        total += item + await suspend(0)
    return total


async def enumerate_zip_and_reversed():
    return [
        await _walk(enumerate("ab", 5)),
        await _walk(zip([1, 2, 3], "ab")),
        await _walk(zip([1, 2], (3, 4), range(2), strict=True)),
        await _walk(reversed([1, 2, 3])),
        await _walk(reversed(range(3))),
        await _walk(reversed({"a": 1, "b": 2})),
        await _walk(enumerate(zip(reversed([1, 2]), "xy"))),
    ]


async def a_strict_zip_still_complains():
    try:
        await _walk(zip([1, 2], [3], strict=True))
    except ValueError as error:
        log(str(error))


async def map_and_filter_with_importable_functions():
    return [
        await _walk(map(double, [1, 2, 3])),
        await _walk(map(operator.add, [1, 2], [3, 4])),
        await _walk(filter(odd, [1, 2, 3])),
        await _walk(filter(None, [0, 1, 2])),
        await _walk(map(str, filter(odd, range(4)))),
    ]


async def map_with_a_lambda():
    offset = await suspend(3)
    seen = []
    for item in map(lambda x: x + offset, [1, 2]):
        offset += await suspend(1)
        seen.append(item)
    return seen


async def itertools_that_tell_where_they_are():
    return [
        await _walk(itertools.chain([1], (2, 3))),
        await _walk(itertools.chain.from_iterable([[1], [2]])),
        await _walk(zip(itertools.count(3, 2), "ab", strict=False)),
        await _walk(zip(itertools.count(3), "ab", strict=False)),
        await _walk(zip(itertools.count(1 << 70), "ab", strict=False)),
        await _walk(zip(itertools.count(0.5), "ab", strict=False)),
        await _walk(itertools.repeat(itertools.repeat, 2)),
        await _walk(zip(itertools.repeat(1), "ab", strict=False)),
        await _walk(itertools.compress("abc", [1, 0, 1])),
        await _walk(itertools.filterfalse(odd, [1, 2, 3])),
        await _walk(itertools.starmap(operator.mul, [(1, 2), (3, 4)])),
    ]


if sys.version_info < (3, 14):

    async def itertools_of_many_kinds():
        return [
            await _walk(itertools.islice(itertools.count(3, 2), 3)),
            await _walk(itertools.islice(itertools.cycle([1, 2]), 3)),
            await _walk(itertools.accumulate([1, 2, 3])),
            await _walk(itertools.product("ab", [1, 2])),
            await _walk(itertools.permutations([1, 2])),
            await _walk(itertools.combinations([1, 2, 3], 2)),
            await _walk(itertools.combinations_with_replacement([1, 2], 2)),
            await _walk(itertools.takewhile(odd, [1, 3, 4, 5])),
            await _walk(itertools.dropwhile(odd, [1, 2, 3])),
            await _walk(itertools.zip_longest([1], [2, 3], fillvalue=0)),
        ]


async def an_iterator_held_in_a_local_keeps_its_place():
    numbers = iter([1, 2, 3, 4])
    log(next(numbers))
    await suspend(1)
    log(next(numbers), await suspend(2), next(numbers))
    return list(numbers), next(numbers, "end")


async def two_names_of_one_iterator_move_together():
    numbers = iter(range(6))
    seen = [pair async for pair in _pairs(numbers)]
    return seen, list(numbers)


async def _pairs(numbers):
    for a in numbers:
        if a > 3:
            return
        yield a, next(numbers), await suspend(a)


async def loops_of_one_iterator_move_together():
    numbers, seen = iter([1, 2, 3, 4, 5, 6]), []
    for a in numbers:
        for b in numbers:
            seen.append((a, b, await suspend(b)))
            break
    return seen


async def loops_of_an_iterator_that_no_local_holds():
    async def rest(numbers):
        for number in [numbers].pop():
            del numbers
            return number, await suspend(number)

    seen = []
    for number in (numbers := iter((1, 2, 3, 4))):
        held = rest(numbers)
        del numbers
        seen.append((number, await held))
        held = numbers = None
    return seen


async def loops_that_are_at_their_end():
    items = [1]
    for item in items:
        items.append(2)
        await suspend(item)
        del items[:]
    for item in range(3, 3 + len(items)):
        log("never", item)
    for item in range(10, 0, -4):
        log(item, await suspend(item))
    return items


async def a_variable_called_it():
    return [(it, await suspend(len(it))) for it in [(1, 0), (2, 3)]]


async def an_iterator_and_its_list_stay_together():
    items = [1, 2]
    numbers = iter(items)
    next(numbers)
    await suspend(1)
    items.append(3)
    await suspend(2)
    return list(numbers)


def _later(numbers, more):
    total = 0

    def count(number):
        nonlocal total
        total += number
        return total + more

    for number in numbers:
        yield count(number)


async def a_generator_that_has_not_begun_closes_over_variables():
    numbers = [1, 2]
    walk = (number * len(numbers) for number in _later(numbers, 10))
    await suspend(0)
    numbers.append(3)
    first = next(walk)
    await suspend(1)
    assert [first, *walk] == [33, 39, 48]


def _through(inner):
    yield "begin"
    got = yield from inner
    yield got


def _answers():
    got = []
    while len(got) < 3:
        got.append((yield len(got)))
    return got


async def a_generator_that_delegates_to_another():
    walk = _through(_answers())
    seen = [next(walk)]
    await suspend(0)
    seen += [next(walk), walk.send("a")]
    await suspend(1)
    seen += [walk.send("b")]
    await suspend(2)
    seen += [walk.send("c"), *walk]
    assert seen == ["begin", 0, 1, 2, ["a", "b", "c"]]


async def a_generator_that_delegates_to_one_with_another_name():
    inner = _later([1, 2, 3, 4], 0)
    walk = _through(inner)
    seen = [next(walk), next(walk)]
    await suspend(0)
    seen.append(next(inner))
    await suspend(1)
    assert [*seen, next(walk), *inner, *walk] == ["begin", 1, 3, 6, 10, None]


async def iter_with_a_sentinel():
    items = [3, 2, 1, 0]
    seen = []
    for item in iter(items.pop, 3):
        seen.append(item + await suspend(1))
        await ask(item)
    return seen, items
