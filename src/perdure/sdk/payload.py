"""Between a task's parameters and the one JSON value that travels.

A task whose only parameter is annotated with a Pydantic model, a dataclass or a TypedDict, or is named
`payload`, takes the whole value; otherwise the value is an object whose keys are the parameters.  A task
without parameters ignores its payload.
"""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NotRequired, Required, get_origin, get_type_hints, is_typeddict

import typing_extensions
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, from_json

from perdure.core.errors import BadOption, OutputInvalid, PayloadInvalid
from perdure.sdk import superjson
from perdure.wire.values import SUPER_JSON, TEXT

# Bytes travel as base 64, which any bytes fit in; Pydantic's default takes only UTF-8.
_BYTES = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
_CLOSED: ConfigDict = {**_BYTES, "extra": "forbid"}
_OPEN: ConfigDict = {**_BYTES, "extra": "allow"}
_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class Shape:
    """How a function's parameters and result look as JSON.

    Types are read when they are first needed: an annotation may name what the module defines later.
    """

    def __init__(self, task: str, function: Callable[..., Any]) -> None:
        self._task = task
        self._function = function
        self._signature = inspect.signature(function)
        for parameter in self._signature.parameters.values():
            if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY):
                raise BadOption(
                    option=f"parameter {parameter.name} of task {task}",
                    value=str(parameter),
                    expected="a name that a JSON object can have as a key",
                )

    def encode(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return the payload for a call with these arguments, as a JSON value.

        Raises:
            TypeError: the arguments do not fit the signature.
            PayloadInvalid: they do not fit the annotations.
        """
        bound = self._signature.bind(*args, **kwargs)
        if not self._signature.parameters:
            return None
        value = bound.arguments.get(self._whole) if self._whole else self._as_keys(bound)
        if self._whole and not bound.arguments:
            value = self._signature.parameters[self._whole].default
        try:
            checked = self._payload.validate_python(value)
            return self._payload.dump_python(checked, mode="json", by_alias=True, warnings=False)
        except ValidationError as error:
            raise self._invalid(error) from None
        except PydanticSerializationError as error:
            raise PayloadInvalid(task=self._task, problems=str(error)) from None

    def decode(self, packet: str | None, packet_type: str) -> _Arguments:
        """Return the arguments that a payload packet stands for.

        Raises:
            PayloadInvalid: the payload does not fit; each field that is wrong is named.
        """
        if not self._signature.parameters:
            return (), {}
        value = self._validated(packet, packet_type)
        return ((value,), {}) if self._whole else ((), dict(value))

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the payload."""
        return self._payload.json_schema(by_alias=True)

    def encode_output(self, output: Any) -> str | None:
        """Return a result as JSON text, by the return annotation; None has no text.

        Raises:
            OutputInvalid: it can't be written as JSON.
        """
        if output is None:
            return None
        try:
            return self._output.dump_json(output, by_alias=True, warnings=False).decode()
        except (PydanticSerializationError, UnicodeDecodeError, RecursionError) as error:
            raise OutputInvalid(task=self._task, reason=str(error)) from None

    def decode_output(self, packet: str | None) -> Any:
        """Return the result that a packet stands for, by the return annotation."""
        return None if packet is None else self._output.validate_json(packet)

    def _validated(self, packet: str | None, packet_type: str) -> Any:
        try:
            if packet_type == SUPER_JSON and packet is not None:
                return self._from_superjson(packet)
            if packet_type == TEXT:
                return self._payload.validate_python(packet)
            if packet is None:
                return self._payload.validate_python(None if self._whole else {})
            return self._payload.validate_json(packet)
        except ValidationError as error:
            raise self._invalid(error) from None
        except ValueError as error:
            raise PayloadInvalid(task=self._task, problems=str(error)) from None

    def _from_superjson(self, packet: str) -> Any:
        try:
            return self._payload.validate_python(superjson.loads(packet))
        except ValidationError:
            # A date where the task wants text, say: take the plain JSON.
            return self._payload.validate_python(from_json(packet)["json"])

    def _as_keys(self, bound: inspect.BoundArguments) -> dict[str, Any]:
        keys = dict(bound.arguments)
        if self._rest:
            keys.update(keys.pop(self._rest, {}))
        return keys

    def _invalid(self, error: ValidationError) -> PayloadInvalid:
        details = [
            {"field": ".".join(map(str, item["loc"])) or "payload", "message": item["msg"]}
            for item in error.errors(include_url=False, include_context=False)
        ]
        problems = "; ".join(f"{item['field']}: {item['message']}" for item in details)
        return PayloadInvalid(task=self._task, problems=problems, details=details)

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
        return names[0] if names[0] == "payload" or _is_record(self._hints.get(names[0])) else None

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self._function, include_extras=True)

    @cached_property
    def _payload(self) -> TypeAdapter[Any]:
        if self._whole:
            parameter = self._signature.parameters[self._whole]
            hint = self._hints.get(self._whole, Any)
            default = parameter.default
            return self._adapter(hint if default is not None else hint | None)
        fields = {
            name: (Required if parameter.default is parameter.empty else NotRequired)[
                self._hints.get(name, Any)
            ]
            for name, parameter in self._signature.parameters.items()
            if parameter.kind in _KEYWORD
        }
        record = typing_extensions.TypedDict(f"{self._task} payload", fields)  # type: ignore[operator]
        record.__pydantic_config__ = _OPEN if self._rest else _CLOSED  # type: ignore[attr-defined]
        return self._adapter(record)

    @cached_property
    def _output(self) -> TypeAdapter[Any]:
        return self._adapter(self._hints.get("return", Any))

    def _adapter(self, hint: Any) -> TypeAdapter[Any]:
        try:
            return TypeAdapter(hint, config=None if _is_record(hint) else _BYTES)
        except PydanticUserError as error:
            raise BadOption(
                option=f"an annotation of task {self._task}",
                value=hint,
                expected=f"types that Pydantic knows ({error.message})",
            ) from None


def _is_record(hint: Any) -> bool:
    kind = get_origin(hint) or hint
    # The TypedDict of `typing_extensions`, which this file makes, is another class on old Pythons.
    if is_typeddict(kind) or typing_extensions.is_typeddict(kind):
        return True
    return isinstance(kind, type) and (issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind))
