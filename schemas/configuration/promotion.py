"""The section `promotion` of the settings."""

from __future__ import annotations

from pydantic import Field

from schemas.configuration.section import Section, Share


class PromotionSection(Section):
    """What the gate asks of a version before it may become champion."""

    minimum_test_events: int = Field(10, ge=1, description="With fewer events the decision is HOLD.")
    false_alarms_per_day: float = Field(
        5.0,
        gt=0,
        description="Alarm budget of the gate where the threshold's rule promises none.",
    )
    alarm_tolerance: float = Field(
        1.5, ge=1, description="Times the alarm budget that the test may have; beyond, if clearly, REJECT."
    )
    margin: float = Field(
        0.02, ge=0, description="How much lower than the champion's the average precision may be."
    )
    event_recall_margin: float = Field(
        0.1, ge=0, description="How much lower than the champion's the event recall may be, at equal alarms."
    )
    needs_superiority: bool = Field(
        False, description="Whether a challenger must be clearly better, not only not worse."
    )
    needs_approval: bool = Field(
        False, description="Whether a version that passes is held until a person promotes it."
    )
    seconds_per_thousand_rows: float = Field(
        10.0, gt=0, description="Longest time in which a fresh process may score 1,000 rows."
    )
    megabytes: float = Field(200.0, gt=0, description="Largest size of a version's files.")
    slice_alarm_factor: float = Field(
        6.0, ge=1, description="Times the alarm budget that a slice (time of day, category) may have."
    )
    least_rank_correlation: float = Field(
        0.3, ge=-1, le=1, description="Of scores with and without any one sensor dead, at least."
    )
    spike_share: Share = Field(0.5, description="Share of sensors whose spike must raise the score.")
