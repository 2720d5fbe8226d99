"""The base of every model on the wire."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A value on the wire: camelCase in JSON, snake_case in Python.

    Unknown keys are ignored, so that a newer client can speak to an older server.  What is unset is
    left out of the JSON and never sent as null: the official clients read null as a wrong value.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        ser_json_inf_nan="null",
        defer_build=True,  # most programs use few of the models
    )

    def to_json(self) -> bytes:
        """Return the JSON that goes over the wire, in UTF-8."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_none=True)

    def to_wire(self) -> dict[str, Any]:
        """Return the same as a dict of JSON values."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class StrictModel(Model):
    """A request of our own, in which an unknown key is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Model):
    """An empty body."""
