"""What a scaler has learnt from normal training rows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from schemas.features import Column


class Scaler(BaseModel):
    """Means and deviations, one of each per feature, as JSON-ready lists.

    Attributes:
        columns: The features, in the order of the lists.
        floors: What is added to a trailing deviation before its logarithm is taken; none for
            features that are not logarithms.
        means: Training mean of each feature.
        deviations: Training deviation of each feature; none for one that was constant in
            training, whose scaled value is always 0.
        clip: Bound of the scaled values, or none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[Column, ...]
    floors: tuple[float | None, ...]
    means: tuple[float, ...]
    deviations: tuple[float | None, ...]
    clip: float | None

    @property
    def constant_columns(self) -> tuple[str, ...]:
        """Features that did not move in training and are therefore ignored."""
        return tuple(
            column.name for column, value in zip(self.columns, self.deviations, strict=True) if value is None
        )
