"""The section `threshold` of the settings."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from schemas.configuration.section import Fraction, Section

# the rules that promise `threshold.false_alarms_per_day`
BUDGET_RULES: Final = ("adaptive_budget", "trailing_budget", "alarm_budget")


class ThresholdSection(Section):
    """The rule that turns scores into alarms; an alarm is `score >= threshold`."""

    rule: Literal[
        "auto",
        "fixed",
        "pr_crossing",
        "f_beta",
        "alarm_budget",
        "trailing_budget",
        "adaptive_budget",
        "cost",
        "quantile",
    ] = Field(
        "auto",
        description="How the threshold is chosen; `auto` is `adaptive_budget`, or `alarm_budget` where "
        "`labels.rows_ahead` is 0.",
    )
    value: float | None = Field(None, description="The threshold for `fixed`.")
    beta: float = Field(1.0, gt=0, description="Weight of recall in `f_beta`.")
    false_alarms_per_day: float = Field(
        5.0,
        gt=0,
        description="The alarm budget for `alarm_budget`, `trailing_budget` and `adaptive_budget`.",
    )
    trailing_days: float = Field(
        3.0,
        gt=0,
        description="Days of past scores used by `trailing_budget` and `adaptive_budget`; a day is 24 hours "
        "of rows present.",
    )
    recalibrate_minutes: float = Field(
        60.0, gt=0, description="Minutes between recalibrations of `trailing_budget`."
    )
    safety: float = Field(
        0.8, gt=0, le=1, description="Share of the alarm budget that `trailing_budget` targets."
    )
    missed_event_cost: float = Field(
        50.0, gt=0, description="Cost of a missed event for `cost`, in false alarms."
    )
    quantile: Fraction = Field(
        0.99, description="Quantile of the normal scores that the rule `quantile` uses as the threshold."
    )
    quantile_part: Literal["validation", "train"] = Field(
        "validation", description="Part whose normal scores the rule `quantile` uses."
    )

    @property
    def promised_false_alarms_per_day(self) -> float | None:
        """False alarms per day that the rule promises, or None for rules without a promise."""
        return self.false_alarms_per_day if self.rule in {"auto", *BUDGET_RULES} else None

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if (self.rule == "fixed") != (self.value is not None):
            raise ValueError(
                "`threshold.value` must be set when `threshold.rule` is fixed, and only then. "
                f"Received rule={self.rule}, value={self.value}."
            )
        return self
