"""Calls of coroutines by coroutines, in every manner."""

import functools

from .world import Box, ask, countdown, down, log, many, suspend, twice


async def a_straight_line_goes_on_after_each_wait():
    a = await suspend(1)
    log("one", a)
    b = await suspend(2)
    log("two", a, b)
    return await suspend(3) + a + b


async def a_function_that_only_returns_an_await():
    return await suspend(4)


async def a_return_without_a_value():
    await suspend(1)
    return


async def a_coroutine_without_an_end_returns_none():
    log(await suspend(0))


async def calls_to_any_depth_are_all_on_the_stack():
    return await down(5)


async def a_recursion_keeps_each_frame_s_own_locals():
    async def _walk(tree, path):
        total = await suspend(tree[0])
        for number, child in enumerate(tree[1:]):
            total += await _walk(child, (*path, number))
        log(path, total)
        return total

    return await _walk((1, (2, (3,)), (4, (5,), (6,))), ())


async def methods_keep_self():
    box = Box(1)
    same = box
    log(await box.put(2), await box.put(3), box)
    assert same is box
    return box.value


async def class_methods_keep_their_class():
    class Crate(Box):
        pass

    crate = await Crate.make(3)
    assert type(crate) is Crate
    return (await Box.make(4)).value + crate.value


async def static_methods():
    return await Box.fixed(3) + await Box(1).fixed(4)


async def a_decorated_function_and_its_wrapper_are_frames_like_others():
    assert countdown.__name__ == "countdown"
    return await countdown(2)


async def arguments_of_every_kind_arrive_in_their_parameters():
    return [
        await ask(1),
        await ask(1, 2),
        await ask(1, 2, 3, 4, k=5),
        await ask(*[1, 2], *[3], **{"k": 4}),
        await many(1, 2, first=3, second=4),
    ]


async def _defaults(a, b=[1], /, c=2, *rest, d, e=3, **more):  # noqa: B006
    b.append(await suspend(len(b)))
    return a, list(b), c, rest, d, e, more


async def defaults_are_those_of_the_definition():
    first = await _defaults(0, d=1)
    second = await _defaults(0, [], 5, 6, d=1, z=2)
    _defaults.__defaults__[0][:] = [1]
    return first, second


async def a_wrong_call_fails_as_always():
    try:
        await _defaults(d=await suspend(1))
    except TypeError as error:
        log(str(error))


async def arguments_are_locals_and_may_be_assigned_and_deleted():
    async def _local(a, *rest, k, **more):
        a += await suspend(1)
        rest = rest[await suspend(1) :]
        del k
        await suspend(2)
        more["new"] = a
        return a, rest, more, "k" in locals()

    return await _local(1, 2, 3, k=4, x=5)


class _Account:
    limit = 10

    def __init__(self):
        self.total = 0

    async def _check(self, amount):
        if await suspend(amount) > self.limit:
            raise ValueError(amount)
        return amount

    async def add(self, amount):
        self.total += await self._check(amount)
        return self

    async def __call__(self, amount):
        return (await self.add(amount)).total


class _Savings(_Account):
    async def add(self, amount):
        log("saving", self.total)
        await super().add(amount)
        return await super(_Savings, self).add(amount)


async def super_finds_its_class_after_a_restore():
    account = _Savings()
    await account.add(2)
    await (await account.add(1)).add(3)
    try:
        await account.add(11)
    except ValueError as error:
        log(error.args)
    return account.total


async def a_callable_object_is_awaited_like_a_function():
    return await _Account()(3)


async def a_partial_and_a_bound_method_held_in_locals():
    account, partial = _Account(), functools.partial(ask, 1, k=2)
    add = account.add
    log(await partial(3))
    await add(4)
    await add(5)
    return account.total, add.__self__ is account


async def a_property_s_coroutine_is_awaited():
    class Page:
        def __init__(self, number):
            self.number = number

        @property
        def next(self):
            return self._next()

        async def _next(self):
            return Page(self.number + await suspend(1))

    page = await (await Page(1).next).next
    return page.number


async def two_decorators_and_arguments_to_one():
    def times(count):
        def decorate(function):
            @functools.wraps(function)
            async def wrapper(*args):
                return [await function(*args) for _ in range(count)]

            return wrapper

        return decorate

    @times(2)
    @twice
    async def shout(value):
        log("shout", await suspend(value))
        return value

    return await shout(3)


async def a_coroutine_made_first_and_awaited_later():
    waiting = ask(1)
    log("made")
    return await waiting


async def an_argument_given_by_an_await_is_evaluated_once():
    return await ask(await ask(await suspend(1)), await suspend(2), k=await ask(3))


async def private_names_are_mangled_as_always():
    class Safe:
        def __init__(self):
            self.__code = 1

        async def open(self):
            self.__code += await suspend(1)
            __inner = await suspend(self.__code)
            return __inner + self.__code

    return await Safe().open()
