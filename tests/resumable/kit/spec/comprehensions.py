"""Comprehensions with waits: order, filters, scoping."""

from .world import log, numbers, suspend, t


async def list_set_and_dict():
    a = [await suspend(x) for x in (1, 2, 3)]
    b = {await suspend(x) % 2 for x in a}
    c = {await suspend(x): await suspend(-x) for x in a if await suspend(x) > 1}
    return a, sorted(b), c


async def filters_and_several_loops():
    return [
        (x, y, await suspend(x * y))
        for x in range(3)
        if await suspend(x)
        for y in await suspend([1, 2, 3])
        if y != x
        if t(1, 1)
    ]


async def nested_comprehensions():
    return [[await suspend(x + y) for x in range(2)] for y in [await suspend(z) for z in (1, 2)]]


async def the_variable_of_a_comprehension_is_its_own():
    x = "outer"
    log([await suspend(x) for x in (1, 2)], x)
    log([x for x in [await suspend(3)]], x)
    log({x: await suspend(y) for x, y in [(1, 2)]}, "y" in locals())
    return x


async def the_first_iterable_is_evaluated_outside():
    x = [1, 2]
    return [await suspend(x) for x in x], [(x, await suspend(y)) for x in [x] for y in x]


async def an_unbound_name_stays_unbound_after_a_comprehension():
    log([await suspend(late) for late in (1,)])
    try:
        log(late)
    except NameError as error:
        return type(error).__name__


async def a_walrus_in_a_comprehension_binds_outside():
    total = 0
    log([total := total + await suspend(x) for x in (1, 2, 3)], total)
    return [y for x in (1, 2) if (y := await suspend(x)) > 1], y, total


async def lambdas_in_a_comprehension_share_its_variable():
    functions = [lambda: x for x in [1, 2, 3, await suspend(4)]]
    more = [(lambda y=y: y) for y in [await suspend(z) for z in (4, 5)]]
    await suspend(0)
    return [f() for f in functions], [f() for f in more]


async def each_run_of_a_waiting_comprehension_has_variables_of_its_own():
    told = []
    for turn in (1, 2):
        functions = [lambda: (x, turn) for x in [1, 2] if await suspend(x)]
        by_key = {key: lambda: key for key in (1, 2) if await suspend(key)}
        pairs = [(last := x, lambda: x) for x in (1, 2) if await suspend(x)]
        told.append((functions, by_key, pairs, last))
    await suspend(0)
    return [
        ([f() for f in functions], by_key[1](), pairs[0][1](), last) for functions, by_key, pairs, last in told
    ]


async def a_comprehension_over_locals_of_the_function():
    factor, items = 3, [1, 2]
    first = [x * factor for x in items]
    factor = await suspend(4)
    second = [x * factor for x in items if x < factor]
    return first, second, {x: factor for x in items}, [await suspend(x * factor) for x in items]


async def async_comprehensions():
    a = [x async for x in numbers(3)]
    b = {x: y async for x in numbers(2) for y in range(x + 1) if await suspend(y) == x}
    c = [[y async for y in numbers(x)] for x in (1, 2)]
    return a, b, c


async def a_comprehension_as_an_argument_and_an_operand():
    return sum([await suspend(x) for x in (1, 2)], await suspend(3)) + t(1, 4) * len([x async for x in numbers(2)])


async def errors_in_comprehensions():
    try:
        log([1 // await suspend(x) for x in (1, 0, 2)])
    except ZeroDivisionError:
        log("caught", await suspend(1))
    try:
        log([a + b for a, b in [(1, 2), (await suspend(3),)]])
    except ValueError as error:
        return str(error)


async def generator_expressions_consumed_at_once():
    limit = await suspend(2)
    total = sum(x * limit for x in range(3))
    return total, await suspend(total), max((await suspend([1, 5, 3])), key=lambda x: -x), any(x > limit for x in [await suspend(3)])


async def async_comprehensions_as_operands():
    return [x async for x in numbers(1)] if await suspend(0) else [x async for x in numbers(2) if x]


async def targets_of_comprehensions_are_unpacked():
    return [(a, c, await suspend(b)) for a, (b, *c) in [(1, (2, 3)), (4, (5,))]]


async def iterators_in_comprehensions_keep_their_place():
    numbers = iter(range(6))
    return [(x, next(numbers), await suspend(x)) for x in numbers], list(numbers)


async def generator_expressions_in_a_header_and_in_its_body():
    for x in [sum(t(1, y) for y in [1, 2])]:
        await suspend(x)
        log(sum(t(2, y) for y in [3, 4]), await suspend(5), sum(t(3, y) for y in [6]))
    else:
        return max(t(4, y) for y in [7, await suspend(8)])


async def a_comprehension_whose_second_loop_is_async():
    return len({4 for x in (1, 2) async for y in numbers(2)}), [x + y for x in (1, 2) async for y in numbers(2) if y]
