"""Move the boundaries of a split in time so that validation and test hold events, within bounds."""

from __future__ import annotations

import numpy as np

from schemas.readings import Finding
from schemas.windows import Part, Split, Windows

# share of its configured rows that each part keeps
LEAST_SHARE = 0.5
# share of its positive windows that the training part keeps
LEAST_TRAINING_POSITIVES = 0.5
# normal windows that a threshold needs
NORMAL_WINDOWS = 50
# places tried for each of the two boundaries
PLACES = 201


def find_boundaries(
    windows: Windows, validation_start: int, test_start: int, purge_rows: int, test_events: int = 1
) -> tuple[int, int]:
    """Find the boundaries nearest to the configured ones with events in validation and in test.

    The configured boundaries stay if both parts hold positive and normal windows, or the table has no
    positive window at all. Otherwise those are best with which validation holds normal windows; then those
    with which the training part keeps half of its positive windows and the test part `test_events` events, if
    they hold as many; then those with which both parts hold both kinds; then the nearest. Each part keeps at
    least half of its configured rows.

    Args:
        windows: The windows of a table.
        validation_start: Configured first row of the validation part.
        test_start: Configured first row of the test part.
        purge_rows: Rows before each boundary at which no window ends.
        test_events: Events that the test part needs for a decision.

    Returns:
        First rows of the validation part and of the test part.
    """
    count = _Counts(windows, purge_rows)
    stop = windows.rows
    sizes = (validation_start, test_start - validation_start, stop - test_start)
    starts = _list_places(validation_start, sizes[0], sizes[1])[:, None]
    tests = _list_places(test_start, sizes[1], sizes[2])[None, :]
    keeps_sizes = (tests - starts) >= LEAST_SHARE * sizes[1]
    positives, normals = count.between(0, starts)
    configured, _ = count.between(0, np.array(validation_start))
    keeps_events = positives >= LEAST_TRAINING_POSITIVES * configured
    events_before = np.minimum(count.test_events(np.array(test_start)), test_events)
    keeps_test = count.test_events(tests) >= events_before
    validation, test = count.between(starts, tests), count.between(tests, np.array(stop), is_last=True)
    are_both = [(positive > 0) & (normal > 0) for positive, normal in (validation, test)]
    moved = np.abs(starts - validation_start) / sizes[0] + np.abs(tests - test_start) / sizes[2]
    is_normal = validation[1] >= min(NORMAL_WINDOWS, sizes[1] * LEAST_SHARE)
    gain = 8.0 * is_normal + 4.0 * (keeps_events & keeps_test) + are_both[0] + are_both[1]
    gain = np.where(keeps_sizes & (normals > 0), gain - moved / (1 + moved.max()) / 2, -np.inf)
    place = np.unravel_index(int(np.argmax(gain)), gain.shape)
    return int(starts[place[0], 0]), int(tests[0, place[1]])


def is_divided_well(split: Split) -> bool:
    """Return whether validation and test hold positive and normal windows each."""
    return split.validation.has_both_classes and split.test.has_both_classes


def describe_move(before: Split, after: Split, times: np.ndarray | None = None) -> Finding:
    """Report the boundaries that were moved, in rows and as shares of the rows.

    Args:
        before: The split as configured.
        after: The split with moved boundaries.
        times: Time of each row, `datetime64[ns]`, shape (rows,), for the message; none to leave them out.
    """
    pairs = ((before.validation, after.validation), (before.test, after.test))
    moves = [(old.name, old.start, new.start) for old, new in pairs if old.start != new.start]
    details = {name: {"from": old, "to": new} for name, old, new in moves}
    lines = [
        f"{name} begins at {_show(new, times)} instead of {_show(old, times)}" for name, old, new in moves
    ]
    counts = ", ".join(f"{part.name} {_count(part)}" for part in after.parts)
    message = (
        "The boundaries of the split were moved, since a part would have held no event or no normal row: "
        f"{'; '.join(lines)}. Windows before events: {counts}. "
        "`split.move_boundaries=false` keeps the configured shares."
    )
    return Finding(check="moved_boundaries", message=message, details=details)


class _Counts:
    """Positive and normal windows of any stretch of rows, by running sums."""

    def __init__(self, windows: Windows, purge_rows: int) -> None:
        self._before, self._purge_rows = windows.lookback - 1, purge_rows
        self._sums = []
        for chosen in (windows.labels, ~windows.labels):
            ends = np.bincount(windows.end_rows[chosen], minlength=windows.rows)
            self._sums.append(np.concatenate([[0], np.cumsum(ends)]))
        # a stretch of positive windows is the time before one event
        ends = np.zeros(windows.rows + 1, dtype=bool)
        ends[windows.end_rows[windows.labels]] = True
        is_last = ends & ~np.append(ends[1:], False)
        self._stretches = np.concatenate([[0], np.cumsum(is_last)])

    def test_events(self, start: np.ndarray) -> np.ndarray:
        """Count the stretches of positive windows that end in the test part."""
        later: np.ndarray = self._stretches[-1] - self._stretches[start + self._before]
        return later

    def between(
        self, start: np.ndarray | int, stop: np.ndarray, *, is_last: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Count the positive and the normal windows of a part; the last one is not purged at its end."""
        last = stop if is_last else np.maximum(stop - self._purge_rows, 0)
        first = np.minimum(np.asarray(start) + self._before, last)
        positive, normal = (sums[last] - sums[first] for sums in self._sums)
        return positive, normal


def _list_places(configured: int, before: int, after: int) -> np.ndarray:
    """List places of a boundary, the configured one among them, that leave the parts beside it half."""
    lowest = configured - int(before * (1 - LEAST_SHARE))
    highest = configured + int(after * (1 - LEAST_SHARE))
    return np.unique(np.append(np.linspace(lowest, highest, PLACES).astype(np.int64), configured))


def _show(row: int, times: np.ndarray | None) -> str:
    time = "" if times is None else f" ({str(times[row].astype('datetime64[s]')).replace('T', ' ')})"
    return f"row {row:,}{time}"


def _count(part: Part) -> str:
    return f"{int(part.labels.sum()):,} of {len(part.labels):,}"
