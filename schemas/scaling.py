"""The parameters of a fitted scaler."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from schemas.features import Column


class Scaler(BaseModel):
    """Mean and standard deviation of each feature, as JSON-ready lists.

    Attributes:
        columns: The features, in the order of the lists.
        floors: Constant added to a trailing deviation before its logarithm is taken; None for
            features that are not log-transformed.
        means: Training mean of each feature.
        deviations: Training standard deviation of each feature; None for a feature that was constant in
            training, whose scaled value is always 0.
        clip: Scaled values are clipped to plus or minus this value, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[Column, ...]
    floors: tuple[float | None, ...]
    means: tuple[float, ...]
    deviations: tuple[float | None, ...]
    clip: float | None

    @property
    def constant_columns(self) -> tuple[str, ...]:
        """Features that were constant in training and are therefore ignored."""
        return tuple(
            column.name for column, value in zip(self.columns, self.deviations, strict=True) if value is None
        )
