"""Between a task's parameters and the one JSON value that travels.

A task whose only parameter is annotated with a Pydantic model, a dataclass or a TypedDict, or is named
`payload`, takes the whole value; otherwise the value is an object whose keys are the parameters.  A task
without parameters ignores its payload.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, get_type_hints

from perdure import sdk, wire
from perdure.core.errors import BadOption, OutputInvalid, PayloadInvalid
from perdure.sdk import superjson

_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_NAMELESS = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)


@dataclass(frozen=True)
class Arguments:
    """A payload, read."""

    #: what the function is called with, by name
    named: dict[str, Any]
    #: the whole value, or the parameters by name, as hooks are given it
    payload: Any


class Shape:
    """How a function's parameters and result look as JSON.

    Types are read when they are first needed: an annotation may name what the module defines later.
    """

    def __init__(self, task: str, function: Callable[..., Any]) -> None:
        self._task = task
        self._function = function
        self._signature = inspect.signature(function)
        for parameter in self._signature.parameters.values():
            if parameter.kind in _NAMELESS:
                raise BadOption(
                    option=f"parameter {parameter.name} of task {task}",
                    value=str(parameter),
                    expected="a name that a JSON object can have as a key",
                )

    @property
    def takes_one(self) -> bool:
        """Whether a payload of any shape may come: one parameter takes it whole, or there is none."""
        return not self._signature.parameters or self._whole is not None

    @property
    def parameters(self) -> str:
        """The parameters as they are written."""
        return ", ".join(map(str, self._signature.parameters.values()))

    def encode(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return the payload for a call with these arguments, as a JSON value.

        Raises:
            TypeError: the arguments do not fit the signature.
            PayloadInvalid: they do not fit the annotations.
        """
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self._function.__name__}() {error}") from None
        if not self._signature.parameters:
            return None
        if self._whole and not bound.arguments:
            bound.apply_defaults()
        value = bound.arguments[self._whole] if self._whole else self._as_keys(bound)
        try:
            return sdk.codec.parse(self._payload.write_json(self._payload.read(value)))
        except sdk.codec.Unfit as error:
            raise self._invalid(error) from None
        except sdk.codec.Unwritable as error:
            raise PayloadInvalid(task=self._task, problems=str(error)) from None

    def encode_item(self, item: Any) -> Any:
        """Return the payload for an item of a batch: a mapping of parameters, or the whole value.

        Raises:
            TypeError, PayloadInvalid: as `encode` does.
        """
        if self._whole:
            return self.encode((item,), {})
        if isinstance(item, Mapping):
            return self.encode((), {str(name): value for name, value in item.items()})
        if item is None and not self._signature.parameters:
            return None
        example = ", ".join(f'"{name}": …' for name in self._signature.parameters)
        problem = f"{item!r:.60} is no mapping of its parameters, such as {{{example}}}, and no task.item(…)"
        raise PayloadInvalid(task=self._task, problems=problem)

    def decode(self, packet: str | None, packet_type: str) -> Arguments:
        """Return the arguments that a payload packet stands for.

        Raises:
            PayloadInvalid: the payload does not fit; each field that is wrong is named.
        """
        if not self._signature.parameters or (packet is None and self._has_default):
            return Arguments({}, None)
        try:
            value = self._read(packet, packet_type)
        except sdk.codec.Unfit as error:
            raise self._invalid(error) from None
        except ValueError as error:
            raise PayloadInvalid(task=self._task, problems=str(error)) from None
        return Arguments({self._whole: value} if self._whole else value, value)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the payload."""
        return self._payload.schema()

    def encode_output(self, output: Any) -> str | None:
        """Return a result as JSON text, by the return annotation; None has no text.

        Raises:
            OutputInvalid: it can't be written as JSON.
        """
        if output is None:
            return None
        try:
            return self._output.write_json(output).decode()
        except sdk.codec.Unwritable as error:
            raise OutputInvalid(task=self._task, reason=str(error)) from None

    def decode_output(self, packet: str | None) -> Any:
        """Return the result that a packet stands for, by the return annotation.

        Raises:
            OutputInvalid: the task returned something else than it is annotated with.
        """
        if packet is None:
            return None
        try:
            return self._output.read_json(packet)
        except sdk.codec.Unfit as error:
            raise OutputInvalid(
                f"Task {self._task} returned what its annotation does not say: {error}"
            ) from None

    def _read(self, packet: str | None, packet_type: str) -> Any:
        if packet is None:
            return self._payload.read(None if self._whole else {})
        if packet_type == wire.values.TEXT:
            return self._payload.read(packet)
        if packet_type != wire.values.SUPER_JSON:
            return self._payload.read_json(packet)
        try:
            return self._payload.read(superjson.loads(packet))
        except sdk.codec.Unfit:
            # A date where the task wants text, say: take the plain JSON.
            return self._payload.read(sdk.codec.parse(packet)["json"])

    def _as_keys(self, bound: inspect.BoundArguments) -> dict[str, Any]:
        keys = dict(bound.arguments)
        if self._rest:
            keys.update(keys.pop(self._rest, {}))
        return keys

    def _invalid(self, error: sdk.codec.Unfit) -> PayloadInvalid:
        return PayloadInvalid(task=self._task, problems=str(error), details=error.problems)

    @cached_property
    def _rest(self) -> str | None:
        """The name of `**kwargs`, if there is one."""
        kinds = {parameter.kind: name for name, parameter in self._signature.parameters.items()}
        return kinds.get(inspect.Parameter.VAR_KEYWORD)

    @cached_property
    def _whole(self) -> str | None:
        """The name of the parameter that takes the whole payload, if one does."""
        names = [n for n, p in self._signature.parameters.items() if p.kind in _KEYWORD]
        if len(names) != 1 or self._rest:
            return None
        name = names[0]
        return name if name == "payload" or sdk.codec.is_record(self._hints.get(name)) else None

    @property
    def _has_default(self) -> bool:
        """The one parameter that takes the whole payload can do without."""
        return (
            bool(self._whole)
            and self._signature.parameters[self._whole].default is not inspect.Parameter.empty
        )

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self._function, include_extras=True)

    @cached_property
    def _payload(self) -> sdk.codec.Codec:
        if self._whole:
            hint = self._hints.get(self._whole, Any)
            is_nullable = self._signature.parameters[self._whole].default is None
            return self._codec(hint | None if is_nullable else hint)
        fields = {
            name: (self._hints.get(name, Any), parameter.default is parameter.empty)
            for name, parameter in self._signature.parameters.items()
            if parameter.kind in _KEYWORD
        }
        try:
            return sdk.codec.record(f"{self._task} payload", fields, is_open=bool(self._rest))
        except sdk.codec.Unknown as error:
            raise self._unknown(error) from None

    @cached_property
    def _output(self) -> sdk.codec.Codec:
        return self._codec(self._hints.get("return", Any))

    def _codec(self, hint: Any) -> sdk.codec.Codec:
        try:
            return sdk.codec.Codec(hint)
        except sdk.codec.Unknown as error:
            raise self._unknown(error) from None

    def _unknown(self, error: Exception) -> BadOption:
        return BadOption(f"Task {self._task} has an annotation that Pydantic can't use: {error}")


class Definition(Protocol):
    """A task, as far as triggering it and reading its result go."""

    id: str
    shape: Shape
