"""Parts without events are reported, with what cannot be said."""

from schemas.readings import Finding
from schemas.windows import Split
from tasks.evaluation.missing_events import METRICS_OF_EVENTS, report_missing_events
from tests.builders import labelled_with, part_of


def report(events: list[int]) -> tuple[Finding, ...]:
    labelled = labelled_with(rows=60, events=events)
    parts = [part_of(labelled, start, start + 18, name) for start, name in ((0, "train"), (18, "validation"))]
    split = Split(*parts, part_of(labelled, 36), is_leaky=False)
    return report_missing_events(split, labelled, 10)


def test_nothing_is_reported_where_validation_and_test_hold_events() -> None:
    assert report([25, 50]) == ()


def test_a_test_part_without_events_leaves_metrics_undefined() -> None:
    [finding] = report([5, 25])
    assert finding.check == "no_events"
    assert finding.details == {
        "parts": ["test"],
        "events": {"train": 1, "validation": 1, "test": 0},
        "needed_in_test": 10,
    }
    assert all(name in finding.message for name in METRICS_OF_EVENTS)
    assert "it needs 10 events in the test (promotion.minimum_test_events)" in finding.message


def test_a_validation_part_without_events_is_reported_alone() -> None:
    [finding] = report([5, 50])
    assert finding.message.startswith("No event in the validation part, of 2 in the table.")
    assert "are null" not in finding.message
