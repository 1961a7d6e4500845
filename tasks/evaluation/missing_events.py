"""Report the parts that hold no event, or too few, and what cannot be said without them."""

from __future__ import annotations

from schemas.readings import Finding, LabelledReadings
from schemas.windows import Split
from tasks.alarms.episodes import select_events

# metrics that are undefined in a part without an event
METRICS_OF_EVENTS = (
    *("roc_auc", "average_precision", "precision", "recall", "f1"),
    *("event_recall", "event_recall_20min", "lead_minutes_median"),
)


def report_missing_events(
    split: Split, labelled: LabelledReadings, minimum_test_events: int
) -> tuple[Finding, ...]:
    """Report how many events each part holds, if validation or test holds none.

    Args:
        split: The parts.
        labelled: All rows and events.
        minimum_test_events: Test events that the gate needs for a decision.

    Returns:
        The finding `no_events`, or none.
    """
    events = {part.name: len(select_events(labelled, part)) for part in split.parts}
    parts = [part.name for part in (split.validation, split.test) if not part.labels.any()]
    if not parts:
        return ()
    total = len(labelled.event_times)
    lines = [f"No event in the {' and the '.join(parts)} part, of {total} in the table."]
    if "validation" in parts:
        lines.append("The threshold is chosen on normal rows alone.")
    if "test" in parts:
        lines.append(
            f"Without events in the test, {', '.join(METRICS_OF_EVENTS)} are null, every alarm counts as "
            f"false, and the gate holds the version: it needs {minimum_test_events} events in the test "
            "(promotion.minimum_test_events)."
        )
    details = {"parts": parts, "events": events, "needed_in_test": minimum_test_events}
    return (Finding(check="no_events", message=" ".join(lines), details=details),)
