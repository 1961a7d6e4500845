"""What a scaler has learnt from normal training rows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Scaler(BaseModel):
    """Means and deviations, one of each per sensor, as JSON-ready lists.

    Attributes:
        sensors: Names of the sensors, in the order of the lists.
        trailing_rows: Rows before a row that standardise it; none without trailing standardisation.
        centers: Training mean of each raw sensor.
        prior_deviations: Training deviation of each sensor from its trailing mean; it stands in
            while a run has few rows. Empty without trailing standardisation.
        means: Training mean of each value to be scaled.
        deviations: Training deviation of each value to be scaled; none for a sensor that was
            constant in training, whose scaled value is always 0.
        clip: Bound of the scaled values, or none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensors: tuple[str, ...]
    trailing_rows: int | None
    centers: tuple[float, ...]
    prior_deviations: tuple[float, ...]
    means: tuple[float, ...]
    deviations: tuple[float | None, ...]
    clip: float | None

    @property
    def constant_sensors(self) -> tuple[str, ...]:
        """Sensors that did not move in training and are therefore ignored."""
        return tuple(name for name, value in zip(self.sensors, self.deviations, strict=True) if value is None)
