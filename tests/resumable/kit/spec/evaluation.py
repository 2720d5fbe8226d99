"""Order of evaluation: operands before a wait are evaluated before it, once, and kept."""

from .world import Box, add, ask, boom, log, suspend, t


async def operands_are_evaluated_from_left_to_right():
    return t(1, 10) + await suspend(1) * t(2, 3) - await suspend(2) // t(3, 1) ** -await suspend(1)


async def an_operand_changed_by_the_wait_was_read_before():
    a = 1

    async def _change():
        nonlocal a
        a = await suspend(10)
        return 100

    return a + await _change() + a, (a, await _change(), a)


async def a_list_changed_while_waiting_is_the_same_list():
    items = [1]

    async def _grow():
        items.append(await suspend(2))
        return [3]

    return items + await _grow() + items


async def arguments_are_evaluated_in_order():
    log(add(t(1), await suspend(1), *[t(2), await suspend(2)], t(3), k=t(4), **{"z": await suspend(3)}))
    return await ask(t(5), await suspend(4), *(t(6), await suspend(5)), k=await ask(t(7)))


async def the_function_is_looked_up_before_its_arguments():
    box = Box(1)
    put = box.put
    try:
        (lambda *rest: rest[5])(await suspend(1), t(1))
    except IndexError:
        log("in the call")
    try:
        box.missing(await suspend(boom("never asked")))
    except AttributeError as error:
        log(str(error))
    return await (put if await suspend(0) else box.put)(await suspend(3)), [add][0](await suspend(4), 1)


async def displays_with_waits():
    a = [1, await suspend(2), *[3, await suspend(4)], *await suspend([5])]
    b = (t(1), await suspend(2), *a)
    c = {1, await suspend(2), *await suspend([3])}
    d = {t(2): t(3), await suspend("k"): await suspend("v"), **{"x": await suspend(1)}, t(4, "y"): 2}
    return a, b, sorted(c), d, [], (await suspend(1),), [await suspend(2)]


async def a_star_that_is_not_iterable_fails_in_its_turn():
    try:
        log([t(1), *await suspend(3), t(2)])
    except TypeError as error:
        log(str(error))
    try:
        add(t(3), **{"k": await suspend(1)}, **{"k": t(4)})
    except TypeError as error:
        return "multiple values" in str(error)


async def subscripts_and_slices():
    items = list(range(10))
    log(items[await suspend(1)], items[await suspend(1) : await suspend(7) : await suspend(2)])
    log(items[: await suspend(2)], items[await suspend(8) :], items[:: -await suspend(3)])

    class _Grid:
        def __getitem__(self, key):
            return key

    return _Grid()[t(1), await suspend(2)], _Grid()[1:2, ..., await suspend(3) : t(2)], (await suspend([7]))[0]


async def attributes_of_what_waits():
    return (await Box.make(3)).value, (await suspend([1, 2])).count(await suspend(1)), (await suspend(5)).real


async def assignment_evaluates_the_value_first():
    items, box = [0, 0, 0], Box(0)
    items[t(1, 1)] = await suspend(5)
    items[await suspend(2)] = t(2, 6)
    box.value = await suspend(7)
    (await suspend([0]))[0] = t(3)
    items[0], box.value = await suspend(8), items[t(4, 2)]
    a = items[await suspend(0)] = b = await suspend(9)
    return items, box, a, b


async def unpacking_assignments():
    a, (b, *c) = await suspend(1), [await suspend(2), 3, 4]
    [d, e] = await suspend([5, 6])
    a, b = b, a
    (f,) = (await suspend(7),)
    *g, h = "xyz"
    try:
        i, j = await suspend([1])
    except ValueError as error:
        log(str(error))
    return a, b, c, d, e, f, g, h


async def augmented_assignment_reads_before_it_waits():
    a, items, box, table = 1, [1, 2], Box(1), {"k": [1]}
    a += await suspend(2)
    items[t(1, 1)] += await suspend(3)
    items[await suspend(0)] -= await suspend(4)
    box.value *= await suspend(5)
    table["k"] += await suspend([2])
    same = items
    items += [await suspend(6)]
    a <<= await suspend(1)
    a //= await suspend(2)
    a **= await suspend(2)
    items[0:1] += await suspend([7])
    assert same is items
    return a, items, box, table


async def the_old_value_counts_in_an_augmented_assignment():
    a, items = 1, [1]

    async def _change():
        nonlocal a
        a, items[0] = 50, 60
        return await suspend(5)

    a += await _change()
    items[0] += await _change()
    return a, items


async def annotated_assignment():
    a: int = await suspend(1)
    b: "list[int]" = [await suspend(2)]
    c: int
    box = Box(0)
    box.value: int = await suspend(3)
    (d): int = await suspend(4)
    try:
        log(c)
    except UnboundLocalError as error:
        log(str(error))
    return a, b, box, d


async def deleting_with_waits_in_subscripts():
    items, table, box = [1, 2, 3], {"a": 1, "b": 2}, Box(1)
    del items[await suspend(1)]
    del table[t(1, "a")], items[0 : await suspend(1)]
    del box.value
    return items, table, hasattr(box, "value")


async def f_strings():
    name, width = "n", 6
    log(f"{await suspend(1)}-{name!r:>{await suspend(4)}}-{await suspend('x')!s:<{width}}|{t(1, 3.14159):.{await suspend(2)}f}")
    log(f"{name=} {await suspend(2)!a}" f"{{literal}} {await suspend(3)}" "tail")
    log(f"{f'{await suspend(4)}'}{{}}" + "plain" + f"{[await suspend(5) for _ in range(2)]}")
    return f"{t(2)}{await suspend(boom(1)) if await suspend(0) else await suspend(6):{'>'}{t(3, 5)}}"


async def formatting_happens_in_order():
    class _Loud:
        def __init__(self, name):
            self.name = name

        def __format__(self, spec):
            log("format", self.name, spec)
            return self.name

        def __repr__(self):
            log("repr", self.name)
            return self.name

    return f"{_Loud('a'):x}{await suspend(1)}{_Loud('b')!r}{await suspend(2)}{_Loud('c')}"


async def unary_operators_and_keywords():
    return -await suspend(1), not await suspend(0), +await suspend(2), ~await suspend(3), await suspend(1) ** 2


async def lambdas_beside_waits():
    return (lambda x, y=await suspend(2): x + y)(await suspend(1)), sorted(await suspend([3, 1, 2]), key=lambda x: -x)


async def errors_in_the_middle_of_an_expression():
    try:
        log(t(1) + await suspend(1) + t(2) // 0 + await suspend(boom("never asked")))
    except ZeroDivisionError:
        log("caught", await suspend(2))
    try:
        return [t(3), await suspend(boom(1)), t(4)]
    except Exception as error:
        return type(error).__name__


async def several_statements_on_a_line_and_long_expressions():
    a = await suspend(1); b = await suspend(2)  # noqa: E702
    if a: b += await suspend(3); log(b)  # noqa: E701, E702
    return (
        a
        + await suspend(4)
        + add(
            await suspend(5),
            k=await suspend(6),
        )
    )


async def a_yielded_name_that_shadows_a_builtin():
    iter = next = list = len = await suspend(1)  # noqa: A001
    total = 0
    for x in [1, 2]:
        total += await suspend(x)
    return total, iter, next, list, len, [await suspend(y) for y in (1, 2)]


async def an_unbound_name_is_noticed_before_the_waits_of_an_augmented_assignment():
    try:
        missing += add(await suspend(1), await suspend(2))
    except UnboundLocalError as error:
        log(str(error), await suspend(3))
    missing = 1
    missing += add(await suspend(4), await suspend(5))
    return missing
