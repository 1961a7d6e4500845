"""The section `monitor` of the settings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.configuration.section import Fraction, Section, Share


class MonitorSection(Section):
    """When `monitor` says that the champion has drifted, and what it finds unusual in sensors."""

    window_hours: float = Field(
        12.0, gt=0, description="Hours of rows present in a window, counted back from the newest row."
    )
    windows: int = Field(6, ge=1, description="Last windows that are looked at for drift.")
    windows_above: int = Field(
        4, ge=1, description="Windows among them whose ratio must be above the bound, the newest among them."
    )
    bound: float = Field(
        1.5, gt=1, description="Times the reference that the median score of normal rows may have."
    )
    reference: Literal["validation", "train"] = Field(
        "validation",
        description="Part whose normal windows give the reference; the fit has not seen those of validation.",
    )
    least_normal_share: float = Field(
        0.25, gt=0, le=1, description="Share of a window's rows that must be normal for it to have a ratio."
    )
    cool_down_hours: float = Field(
        72.0, ge=0, description="Hours of the data's time in which no second drift event is sent."
    )
    significance: Fraction = Field(
        0.01, description="Level of the test for moved sensors, held over all of them together (Holm)."
    )
    missing_share: Share = Field(0.05, description="Share of missing values in a window worth a finding.")
    frozen_hours: float = Field(
        2.0, gt=0, description="Hours without change worth a finding, where training had none as long."
    )
    out_of_range_deviations: float = Field(
        5.0, gt=0, description="Training deviations beyond which a value is out of range."
    )
    out_of_range_share: Share = Field(0.05, description="Share of such values in a window worth a finding.")
    step_factor: float = Field(
        2.0, ge=1, description="Times the largest step of training that makes a step worth a finding."
    )
    event_seconds: float = Field(
        60.0, gt=0, description="Longest wait until the Prefect server has recorded an event."
    )

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.windows_above > self.windows:
            raise ValueError(
                "`monitor.windows_above` must be at most `monitor.windows`. "
                f"Received {self.windows_above} of {self.windows}."
            )
        return self
