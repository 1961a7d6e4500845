"""The section `monitor` of the settings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.configuration.section import Fraction, Section, Share


class MonitorSection(Section):
    """When `monitor` reports drift or low recall of the champion, and which sensor behaviour is unusual."""

    window_hours: float = Field(
        12.0,
        gt=0,
        description="Length of a window in hours of rows present, counted back from the newest row.",
    )
    windows: int = Field(6, ge=1, description="Number of most recent windows examined for drift.")
    windows_above: int = Field(
        4,
        ge=1,
        description="How many of these windows, the newest included, must exceed the bound to confirm drift.",
    )
    bound: float = Field(
        1.5, gt=1, description="Highest acceptable ratio of a window's median normal score to the reference."
    )
    reference: Literal["validation", "train"] = Field(
        "validation",
        description="Part whose normal windows give the reference; the model is not fitted on validation.",
    )
    least_normal_share: float = Field(
        0.25, gt=0, le=1, description="Minimum share of normal rows for a window to have a ratio."
    )
    cool_down_hours: float = Field(
        72.0, ge=0, description="Hours of data time after a drift event during which no other is sent."
    )
    minimum_events: int = Field(
        10, ge=1, description="Fewest events by which recall is judged; with fewer it is only reported."
    )
    recall_cool_down_hours: float = Field(
        168.0, ge=0, description="Hours of data time after a recall event during which no other is sent."
    )
    significance: Fraction = Field(
        0.01, description="Family-wise significance level (Holm) of the test for shifted sensors."
    )
    missing_share: Share = Field(
        0.05, description="Share of missing values in a window above which a sensor is reported."
    )
    frozen_hours: float = Field(
        2.0,
        gt=0,
        description="Hours without change after which a sensor is reported, unless training had such a "
        "stretch.",
    )
    out_of_range_deviations: float = Field(
        5.0,
        gt=0,
        description="Distance from the training mean, in standard deviations, beyond which a value is out "
        "of range.",
    )
    out_of_range_share: Share = Field(
        0.05, description="Share of out-of-range values in a window above which a sensor is reported."
    )
    step_factor: float = Field(
        2.0, ge=1, description="A step this many times the largest step in training is reported."
    )
    event_seconds: float = Field(
        60.0, gt=0, description="Seconds to wait for the Prefect server to record an event."
    )

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.windows_above > self.windows:
            raise ValueError(
                "`monitor.windows_above` must be at most `monitor.windows`. "
                f"Received {self.windows_above} of {self.windows}."
            )
        return self
