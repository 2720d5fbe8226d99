"""One type of Python as JSON, and back: what Pydantic does for payloads and results.

This is the one module of the face that needs Pydantic; the others reach it as `sdk.codec`.
"""

import dataclasses
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, NotRequired, Required, Union, get_args, get_origin, is_typeddict

import typing_extensions
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import (
    CoreConfig,
    PydanticSerializationError,
    SchemaSerializer,
    from_json,
    to_jsonable_python,
)

# Bytes travel as base 64, which any bytes fit in, and NaN as text; Pydantic's defaults lose both.
_RULES = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="strings")
_WRITING = CoreConfig(ser_json_bytes="base64", ser_json_inf_nan="strings")


class Unfit(Exception):
    """A value does not fit the type; `problems` says where and why."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{problem['field']}: {problem['message']}" for problem in problems))


class Unwritable(Exception):
    """A value can't be written as JSON."""


class Unknown(Exception):
    """Pydantic does not know what to make of a type."""


class Codec:
    """Reads and writes the values of one type."""

    def __init__(self, hint: Any) -> None:
        try:
            config = None if _is_record_type(_bare(hint)) else _RULES
            self._adapter: TypeAdapter[Any] = TypeAdapter(hint, config=config)
        except PydanticUserError as error:
            raise Unknown(error.message) from None
        # For a TypedDict, an adapter's own writer would not know the rules for bytes.
        known = "__pydantic_config__" in vars(_bare(hint)) if isinstance(_bare(hint), type) else False
        self._writer = SchemaSerializer(self._adapter.core_schema, _WRITING) if known else self._adapter

    def read_json(self, text: str | bytes) -> Any:
        """Return the value of a JSON text; raises Unfit."""
        return self._checked(self._adapter.validate_json, text)

    def read(self, value: Any) -> Any:
        """Return a value of the type for one that may be it already; raises Unfit."""
        return self._checked(self._adapter.validate_python, value)

    def write_json(self, value: Any) -> bytes:
        """Return the JSON text of a value of the type; raises Unwritable."""
        try:
            if isinstance(self._writer, TypeAdapter):
                return self._writer.dump_json(value, by_alias=True, warnings=False)
            return self._writer.to_json(value, by_alias=True, warnings=False)
        except (PydanticSerializationError, UnicodeDecodeError, RecursionError) as error:
            raise Unwritable(str(error)) from None

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what can be read."""
        try:
            return self._adapter.json_schema(by_alias=True)
        except PydanticUserError:  # a type that can be checked but not described, such as a Callable
            return {}

    @staticmethod
    def _checked(read: Any, value: Any) -> Any:
        try:
            return read(value)
        except ValidationError as error:
            raise Unfit(
                [
                    {"field": ".".join(map(str, item["loc"])) or "payload", "message": item["msg"]}
                    for item in error.errors(include_url=False, include_context=False, include_input=False)
                ]
            ) from None


def record(name: str, fields: Mapping[str, tuple[Any, bool]], *, is_open: bool) -> Codec:
    """Return the codec of an object with these keys.

    Args:
        name: what the object is called in its schema.
        fields: the type of each key, and whether it must be there.
        is_open: other keys are kept, instead of refused.
    """
    hints = {key: (Required if required else NotRequired)[hint] for key, (hint, required) in fields.items()}
    made = typing_extensions.TypedDict(name, hints)  # type: ignore[operator]
    made.__pydantic_config__ = ConfigDict(_RULES, extra="allow" if is_open else "forbid")  # type: ignore[attr-defined]
    return Codec(made)


def is_record(hint: Any) -> bool:
    """Tell whether a type is a Pydantic model, a dataclass or a TypedDict, or such a thing or None."""
    bare = _bare(hint)
    if get_origin(bare) in (Union, UnionType):
        others = [choice for choice in get_args(bare) if choice is not type(None)]
        return len(others) == 1 and is_record(others[0])
    return _is_record_type(bare)


def to_plain(value: Any) -> Any:
    """Return a value whose type nothing is known of as plain JSON values: dicts, lists, texts, numbers."""
    return to_jsonable_python(value)


def parse(text: str | bytes) -> Any:
    """Return the plain value of a JSON text."""
    return from_json(text)


def _bare(hint: Any) -> Any:
    """Return a type without what `Annotated` adds to it."""
    return _bare(get_args(hint)[0]) if get_origin(hint) is Annotated else hint


def _is_record_type(hint: Any) -> bool:
    kind = get_origin(hint) or hint
    # The TypedDict of `typing_extensions`, which this file makes, is another class on old Pythons.
    if is_typeddict(kind) or typing_extensions.is_typeddict(kind):
        return True
    return isinstance(kind, type) and (issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind))
