"""The section `promotion` of the settings."""

from __future__ import annotations

from pydantic import Field

from schemas.configuration.section import Section, Share


class PromotionSection(Section):
    """What the gate requires of a version before it becomes champion."""

    minimum_test_events: int = Field(
        10,
        ge=1,
        description="Fewest test events for a decision, those of earlier tests included (`evidence_days`); "
        "with fewer it is HOLD.",
    )
    evidence_days: float = Field(
        365.0,
        ge=0,
        description="For how many days before its test earlier tests of versions of its kind are evidence of "
        "whether it warns; 0 for its own test alone.",
    )
    interpolated_share: Share = Field(
        0.05,
        description="Largest share of sensor values on straight lines between two readings, which look "
        "ahead; with more, and without `readings.replay=causal`, it is HOLD.",
    )
    false_alarms_per_day: float = Field(
        5.0,
        gt=0,
        description="The gate's alarm budget when the threshold rule does not promise a rate.",
    )
    alarm_tolerance: float = Field(
        1.5,
        ge=1,
        description="Multiple of the alarm budget beyond which a version is rejected, if clearly over "
        "budget.",
    )
    margin: float = Field(
        0.02, ge=0, description="How far the average precision may fall below the champion's."
    )
    event_recall_margin: float = Field(
        0.1,
        ge=0,
        description="How far the event recall may fall below the champion's, at the same false-alarm rate.",
    )
    needs_superiority: bool = Field(
        False, description="Whether a challenger must be clearly better than the champion, not just no worse."
    )
    needs_approval: bool = Field(
        False, description="Whether a version that passes is held until someone promotes it."
    )
    seconds_per_thousand_rows: float = Field(
        10.0, gt=0, description="Maximum time for a fresh process to score 1,000 rows, in seconds."
    )
    megabytes: float = Field(200.0, gt=0, description="Maximum size of a version's files, in MB.")
    slice_alarm_factor: float = Field(
        6.0,
        ge=1,
        description="False alarms accepted in any slice (time of day, category), as a multiple of the "
        "budget.",
    )
    least_rank_correlation: float = Field(
        0.3,
        ge=-1,
        le=1,
        description="Minimum rank correlation of the scores with and without any one dead sensor.",
    )
    spike_share: Share = Field(0.5, description="Minimum share of sensors in which a spike raises the score.")
