"""Everything that is found, in sentences."""

import numpy as np
import pandas as pd

from schemas.configuration import EvaluationSection
from schemas.monitoring import Review, WatchedRows, WatchedVersion
from tasks.monitor.review import review_champion
from tests.tasks.monitor.rows import SECTION, version_with, watched_with

EVALUATION = EvaluationSection(bootstrap_samples=100)


def review(watched: WatchedRows, version: WatchedVersion | None = None) -> Review:
    table = pd.DataFrame(watched.readings.values, columns=list(watched.readings.sensors))
    return review_champion(watched, version or version_with(), table, {}, SECTION, EVALUATION)


def findings(found: Review) -> dict[str, str]:
    return {finding.check: finding.message for finding in found.findings}


def test_scores_that_have_risen_are_drift_whatever_the_sensors_do() -> None:
    found = review(watched_with(scores=4.0))
    assert (found.verdict.status, found.verdict.ratio) == ("CONFIRMED", 2.0)
    assert found.reference == 2.0


def test_sensors_that_have_moved_alone_are_no_drift() -> None:
    values = np.random.default_rng(3).standard_normal((400, 2))
    values[200:] += 1_000
    found = review(
        watched_with(400, start=200, scores=2.0, values=values), version_with(last_seen="2024-01-01T06:38:00")
    )
    assert found.verdict.status == "NOT_CONFIRMED"
    assert len(found.feature_drift) == 2
    assert "no reason to retrain" in findings(found)["feature_drift"]
    assert "2 sensors left the range seen in training" in findings(found)["out_of_range"]


def test_more_false_alarms_than_promised_are_a_finding() -> None:
    scores = np.where(np.arange(40) % 2, 9.0, 1.0)
    assert "More false alarms than promised" in findings(review(watched_with(scores=scores)))["false_alarms"]
    assert "false_alarms" not in findings(review(watched_with(scores=1.0)))


def test_rows_without_events_or_labels_are_told() -> None:
    told = findings(review(watched_with(labelled_stop=30)))
    assert told["late_labels"].startswith("The newest 10 rows have no label yet")
    assert told["no_events"].startswith("No event is known")


def test_a_table_without_training_rows_says_what_was_not_compared() -> None:
    told = findings(review(watched_with(), version_with(last_seen="2023-12-31T00:00:00")))
    assert "has no training rows of the champion" in told["feature_drift"]


def test_nothing_new_cannot_be_judged() -> None:
    found = review(watched_with(start=40))
    assert (found.judged_from, found.windows, found.calibration) == (None, (), None)
    assert found.verdict.status == "CANNOT_JUDGE"
