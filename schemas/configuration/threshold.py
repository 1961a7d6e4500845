"""The section `threshold` of the settings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.configuration.section import Fraction, Section


class ThresholdSection(Section):
    """The rule that turns scores into alarms; an alarm is `score >= threshold`."""

    rule: Literal["fixed", "pr_crossing", "f_beta", "alarm_budget", "trailing_budget", "cost", "quantile"] = (
        Field("trailing_budget", description="How the threshold is chosen.")
    )
    value: float | None = Field(None, description="The threshold of `fixed`.")
    beta: float = Field(1.0, gt=0, description="Weight of recall in `f_beta`.")
    false_alarms_per_day: float = Field(
        5.0, gt=0, description="The budget of `alarm_budget` and `trailing_budget`."
    )
    trailing_days: float = Field(
        3.0, gt=0, description="Days of scores that `trailing_budget` looks back on; 24 hours of rows each."
    )
    recalibrate_minutes: float = Field(
        60.0, gt=0, description="Minutes for which `trailing_budget` keeps a threshold."
    )
    safety: float = Field(0.8, gt=0, le=1, description="Share of the budget that `trailing_budget` aims at.")
    missed_event_cost: float = Field(
        50.0, gt=0, description="Cost of a missed event for `cost`, in false alarms."
    )
    quantile: Fraction = Field(0.99, description="Share of normal scores below `quantile`.")
    quantile_part: Literal["validation", "train"] = Field(
        "validation", description="Part whose normal scores `quantile` looks at."
    )

    @property
    def promised_false_alarms_per_day(self) -> float | None:
        """False alarms a day that the rule promises, or none where it promises nothing."""
        return self.false_alarms_per_day if self.rule in {"alarm_budget", "trailing_budget"} else None

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if (self.rule == "fixed") != (self.value is not None):
            raise ValueError(
                "`threshold.value` belongs to `threshold.rule` fixed and only to it. "
                f"Received rule={self.rule}, value={self.value}."
            )
        return self
