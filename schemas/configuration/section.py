"""The base class and the value types of all sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator


def split_names(value: Any) -> Any:
    """Accept a list of names as one string, `a,b` for `("a", "b")`, and None as an empty list."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(split_names)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A frozen group of settings that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _split_list(cls, value: Any, info: ValidationInfo) -> Any:
        """Accept a list as text, `a,b`, and a list of one number as the number."""
        field = cls.model_fields[str(info.field_name)]
        if get_origin(field.annotation) is not tuple or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return split_names(value)
        return (value,) if isinstance(value, (int, float)) else value

    def change(self, changes: Mapping[str, Any]) -> Self:
        """Return the section with other values of some settings, validated; which ones were set stays known.

        Args:
            changes: Values by key, as a file of settings would give them.

        Raises:
            ValidationError: If a value is no valid one.
        """
        valid = type(self).model_validate({**self.model_dump(), **changes})
        return self.model_copy(update={key: getattr(valid, key) for key in changes})
