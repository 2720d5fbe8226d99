"""What an earlier attempt by interpreter internals could not do, case by case.

Its failures with a real file, a generator alive across a wait, an undecorated
callee and edited constants are in `test_refused.py` and `test_changed_code.py`.
"""

from .world import Guard, Trouble, log, suspend


async def _leaf(x):
    return await suspend(x)


async def a_stack_of_two_in_a_loop_in_with_in_try_six_times():
    total = 0
    for number in range(3):
        with Guard(number):
            try:
                total += await _leaf(number) + await _leaf(1)
            finally:
                log(total)
    return total


async def a_comprehension_over_a_local_makes_a_cell():
    factor = await _leaf(2)
    items = [x * factor for x in range(3)]
    await _leaf(0)
    return [y + factor for y in items]


async def a_real_closure_in_the_frame():
    total = 0

    def add(x):
        nonlocal total
        total += x
        return total

    add(await _leaf(1))
    await _leaf(2)
    return add(3), total


async def a_lambda_in_the_frame():
    plus = lambda x, y=1: x + y  # noqa: E731
    await _leaf(1)
    return plus(1)


async def a_local_function_in_the_frame():
    def local(x):
        return x * 2

    await _leaf(1)
    return local(2)


async def zip_and_dictionary_iterators():
    seen = []
    for pair in zip({"a": 1, "b": 2}.items(), {"c": 3, "d": 4}):
        seen.append((pair, await _leaf(1)))
    return seen


async def a_wait_inside_except_then_a_bare_raise():
    try:
        try:
            raise Trouble("first")
        except Trouble:
            await _leaf(1)
            raise
    except Trouble as error:
        return error.args


async def async_generators():
    async def count(limit):
        for x in range(limit):
            yield await _leaf(x)

    return [x async for x in count(3)]


async def nested_functions_that_wait():
    async def inner(x):
        return await _leaf(x)

    return await inner(await inner(1))


async def large_integers_and_many_locals():
    a, b, c, d, e, f = 10**30, 1.5, "text", b"bytes", 2j, frozenset([1])
    g, h, i, j, k, m = None, ..., True, range(3), slice(1, 2), (1, (2,))
    await _leaf(1)
    return a, b, c, d, e, f, g, h, i, j, k, m
