"""Nested functions and what they share with the frame; `nonlocal`, `global`, `del`, unbound names."""

from .world import Box, ask, log, suspend, t

counter = 0


async def a_lambda_held_in_a_local():
    offset = await suspend(3)
    shift = lambda x: x + offset  # noqa: E731
    await suspend(1)
    log(shift(1))
    offset = 10
    await suspend(2)
    return shift(1)


async def a_nested_function_shares_its_variable_with_the_frame():
    count = 0

    def up(step=1):
        nonlocal count
        count += step
        return count

    log(up(), await suspend(1), count)
    log(up(2), await suspend(2), count)
    count = 10
    await suspend(3)
    return up(), count


async def two_functions_share_one_cell():
    value = 0

    def put(new):
        nonlocal value
        value = new

    def get():
        return value

    put(await suspend(1))
    log(get(), await suspend(2))
    put(5)
    await suspend(3)
    return get(), value


async def a_function_made_elsewhere_keeps_its_own_cell():
    def make():
        total = 0

        def add(x):
            nonlocal total
            total += x
            return total

        return add

    a, b = make(), make()
    a(await suspend(1))
    b(await suspend(10))
    same = a
    await suspend(2)
    return a(1), b(1), same(1), same is a


async def a_closure_over_a_loop_variable():
    functions = []
    for x in range(3):
        functions.append(lambda: x)
        await suspend(x)
    x = "after"
    await suspend(9)
    return [f() for f in functions]


async def a_function_that_refers_to_itself():
    def fact(n):
        return n * fact(n - 1) if n else 1

    log(fact(await suspend(3)))
    await suspend(1)
    return fact(4)


async def a_nested_coroutine_with_nonlocal():
    total = 0

    async def add(x):
        nonlocal total
        before = total
        total += await suspend(x)
        log(before, total)
        return total

    for x in range(3):
        await add(x)
        total += 100
    return total, await add(1)


async def nested_coroutines_three_deep():
    a = 1

    async def outer(b):
        nonlocal a
        a += await suspend(b)

        async def inner(c):
            nonlocal a, b
            a, b = b + await suspend(c), a
            log(a, b, c)
            return a + b + c

        return await inner(await suspend(3)) + b

    return await outer(2) + a, a


async def a_nested_coroutine_whose_defaults_wait():
    async def local(x, y=await suspend(2), *, z=await suspend(3)):
        return x + y + z + await suspend(1)

    return await local(1), local.__defaults__, local.__kwdefaults__


async def a_nested_function_is_the_same_object_after_a_restore():
    def f():
        return 1

    same, box = f, Box(f)
    await suspend(1)
    assert same is f is box.value
    f.note = "kept"
    await suspend(2)
    return same.note, f.__name__, f.__qualname__.rpartition(".")[2]


async def a_free_name_not_bound_yet():
    def read():
        return late

    try:
        read()
    except NameError as error:
        log(str(error), await suspend(1))
    late = await suspend(2)
    log(read())
    del late
    await suspend(3)
    try:
        read()
    except NameError as error:
        return str(error)


async def globals_are_those_of_the_module():
    global counter
    counter = 0
    before = counter
    counter = before + await suspend(1)
    log(counter)
    counter += await suspend(2)
    return before


async def del_and_unbound_names():
    a = b = await suspend(1)
    del a
    await suspend(2)
    try:
        log(a)
    except UnboundLocalError as error:
        log(str(error))
    try:
        log(c, b)
    except UnboundLocalError as error:
        log(str(error), await suspend(3))
    c = 1
    a = 2
    await suspend(4)
    try:
        del never
    except UnboundLocalError as error:
        log(str(error))
    never = a
    del never, a
    return sorted(locals()), c


async def a_class_made_in_the_function():
    base = await suspend(2)

    class Local(Box):
        factor = base

        async def grow(self):
            self.value *= self.factor + await suspend(1)
            return self

    local = Local(3)
    await suspend(1)
    assert type(local) is Local
    assert isinstance(local, Box)
    return (await local.grow()).value, (await Local(1).grow()).value


async def a_generator_function_held_in_a_local():
    step = await suspend(2)

    def counting(limit):
        for number in range(0, limit, step):
            yield number

    log(list(counting(5)))
    await suspend(1)
    step = 3
    return list(counting(7))


async def imports_inside_the_function():
    import json
    from math import floor as down

    await suspend(1)
    log(json.dumps([1]), down(1.5))
    import os.path

    await suspend(2)
    return os.path.join("a", "b")


async def locals_shows_the_user_s_names_only():
    a = await suspend(1)
    for b in [1]:
        with_wait = [await suspend(x) for x in (1,)]
        log(sorted(locals()))
    return sorted(locals()), a, b, with_wait


async def a_default_argument_that_is_mutable_is_shared():
    def remember(x, seen=[]):  # noqa: B006
        seen.append(x)
        return seen

    remember(await suspend(1))
    await suspend(2)
    return remember(3), await ask(t(1))
