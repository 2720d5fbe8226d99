"""One object stays one object, in a frame and across frames."""

from .world import Box, ask, log, suspend


async def two_names_of_one_object():
    a = b = [1]
    c = {"a": a}
    await suspend(1)
    assert a is b is c["a"]
    b.append(2)
    await suspend(2)
    return a, c


async def one_object_in_several_frames():
    async def _below(items, box):
        items.append(await suspend(1))
        box.value = items
        await suspend(2)
        assert box.value is items
        items.append(3)
        return items

    items, box = [], Box(None)
    same = await _below(items, box)
    assert same is items is box.value
    return items, box


async def one_object_in_a_frame_and_a_closure():
    items = []

    def put(x):
        items.append(x)
        return items

    await suspend(1)
    assert put(2) is items
    other = items
    await suspend(2)
    assert put(3) is other
    return items


async def one_object_in_a_frame_and_an_iterator():
    items = [1, 2]
    for x in items:
        if len(items) < 4:
            items.append(x * await suspend(10))
    return items


async def one_object_in_a_frame_and_a_bound_method():
    items = []
    put, box = items.append, Box(0)
    move = box.put
    await suspend(1)
    put(1)
    await move(5)
    return items, box, move.__self__ is box


async def cycles():
    a = []
    a.append(a)
    box = Box(None)
    box.value = box
    await suspend(1)
    assert a[0] is a
    assert box.value is box
    return len(a)


async def operands_waiting_in_an_expression_keep_their_identity():
    items = [1]

    async def _same():
        await suspend(1)
        items.append(2)
        return items

    pair = (items, await _same(), [items, await suspend(2)])
    assert pair[0] is pair[1] is pair[2][0] is items
    return pair


async def singletons_and_classes_are_themselves():
    kind, nothing, dots, true, function = Box, None, ..., True, log
    await suspend(1)
    assert kind is Box
    assert nothing is None
    assert dots is ...
    assert true is True
    assert function is log
    return kind(await suspend(2))


async def an_argument_is_the_caller_s_object():
    async def _fill(box, /, *rest, extra):
        await suspend(1)
        rest[0].append(2)
        extra.value = box
        await suspend(2)
        return box

    box, items, more = Box(0), [], Box(1)
    assert await _fill(box, items, extra=more) is box is more.value
    return items, await ask(1)


async def an_exception_and_its_arguments():
    items = [1]
    try:
        raise ValueError(items)
    except ValueError as error:
        await suspend(1)
        items.append(2)
        assert error.args[0] is items
        return error.args
