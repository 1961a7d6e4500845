"""Split windows into training, validation and test, in time order or at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from schemas.configuration import SplitSection
from schemas.errors import InputError
from schemas.windows import Part, Split, Windows
from tasks.windows.boundaries import describe_move, find_boundaries, is_divided_well

# a network cannot be trained on fewer windows
LEAST_TRAINING_WINDOWS = 50


def split_windows(
    windows: Windows,
    section: SplitSection,
    purge_rows: int,
    times: np.ndarray | None = None,
    test_events: int = 1,
) -> Split:
    """Split windows as configured.

    The boundaries of a split in time may be moved if validation or test would hold no event, or validation
    no normal window, as `tasks.windows.boundaries` describes; the split's `findings` report it.

    Args:
        windows: The windows of a table.
        section: Method, fractions and seed.
        purge_rows: Rows before each boundary at which no window ends; only for the split in time order.
        times: Time of each row, `datetime64[ns]`, shape (rows,), for findings; none to leave them out.
        test_events: Events that the test part keeps, if it holds as many, where boundaries are moved.

    Raises:
        InputError: If a part has too few windows, or training or validation too few normal ones.
    """
    fractions = (section.test_fraction, section.validation_fraction)
    if section.method == "random":
        split = split_at_random(windows, *fractions, seed=section.seed)
    else:
        split = split_in_time(windows, *fractions, purge_rows=purge_rows)
        if section.move_boundaries and windows.labels.any() and not is_divided_well(split):
            found = find_boundaries(
                windows, split.validation.start, split.test.start, purge_rows, test_events
            )
            split = _move_boundaries(split, windows, found, purge_rows, times)
    return require_enough(split)


def _move_boundaries(
    split: Split, windows: Windows, found: tuple[int, int], purge_rows: int, times: np.ndarray | None
) -> Split:
    if found == (split.validation.start, split.test.start):
        return split
    moved = cut_in_time(windows, *found, windows.rows, purge_rows)
    return replace(moved, findings=(describe_move(split, moved, times),))


def split_in_time(
    windows: Windows, test_fraction: float, validation_fraction: float, purge_rows: int
) -> Split:
    """Split in time order, at two boundaries: first training, then validation, then test.

    A window belongs to a part only if all its rows do, so no window crosses a boundary. No window ends in
    the last `purge_rows` rows before a boundary, because their labels may depend on the next part.

    Args:
        windows: The windows of a table.
        test_fraction: Share of rows in the test part, above 0 and below 1.
        validation_fraction: Share of the remaining rows in the validation part, above 0 and below 1.
        purge_rows: Rows before each boundary at which no window ends, at least 0.

    Returns:
        The parts, which may be too small to use; see `require_enough`.
    """
    test_start = round(windows.rows * (1 - test_fraction))
    validation_start = round(test_start * (1 - validation_fraction))
    return cut_in_time(windows, validation_start, test_start, windows.rows, purge_rows)


def split_at_random(windows: Windows, test_fraction: float, validation_fraction: float, seed: int) -> Split:
    """Split at random, as in the published code: overlapping windows leak between the parts.

    Args:
        windows: The windows of a table.
        test_fraction: Share of windows in the test part.
        validation_fraction: Share of the remaining windows in the validation part.
        seed: Seed of both splits.

    Returns:
        The parts, which may be too small to use; see `require_enough`.

    Raises:
        InputError: If there are too few windows.
    """
    from sklearn.model_selection import train_test_split

    try:
        rest, test = train_test_split(np.arange(len(windows)), test_size=test_fraction, random_state=seed)
        train, validation = train_test_split(rest, test_size=validation_fraction, random_state=seed)
    except ValueError as error:
        raise InputError(
            f"The table must contain enough windows to split. Received {len(windows)} windows: {error}"
        ) from error
    return Split(
        train=_scatter_part("train", windows, train),
        validation=_scatter_part("validation", windows, validation),
        test=_scatter_part("test", windows, test),
        is_leaky=True,
    )


def cut_in_time(
    windows: Windows, validation_start: int, test_start: int, test_stop: int, purge_rows: int
) -> Split:
    """Split the rows before `test_stop` at the given boundaries; see `split_in_time`."""
    return Split(
        train=_cut_part("train", windows, 0, validation_start, purge_rows),
        validation=_cut_part("validation", windows, validation_start, test_start, purge_rows),
        test=_cut_part("test", windows, test_start, test_stop, 0),
        is_leaky=False,
    )


def _cut_part(name: str, windows: Windows, start: int, stop: int, purge_rows: int) -> Part:
    ends = windows.end_rows
    places = np.flatnonzero((ends - windows.lookback + 1 >= start) & (ends < stop - purge_rows))
    return Part(name, ends[places], places, windows.labels[places], start, stop, is_scattered=False)


def _scatter_part(name: str, windows: Windows, choice: np.ndarray) -> Part:
    choice = np.sort(choice)
    ends, labels = windows.end_rows[choice], windows.labels[choice]
    return Part(name, ends, choice, labels, 0, windows.rows, is_scattered=True)


def require_enough(split: Split) -> Split:
    """Return `split` if its parts have enough windows for training, for the threshold and for scores.

    Events are not required: what cannot be said without them is reported.

    Raises:
        InputError: If a part has too few windows, or training or validation too few normal ones.
    """
    if len(split.train.normal_end_rows) < LEAST_TRAINING_WINDOWS:
        raise InputError(
            f"The training part must hold at least {LEAST_TRAINING_WINDOWS} normal windows. Received "
            f"{len(split.train.normal_end_rows)}. Provide more rows, or reduce `split.test_fraction`."
        )
    if not len(split.validation.normal_end_rows):
        raise InputError(
            "The validation part must hold normal windows, which the threshold is chosen on. Received "
            f"{len(split.validation.labels)} windows, none of them normal. Provide a longer table, or change "
            "`split.validation_fraction`."
        )
    if not len(split.test.labels):
        raise InputError(
            "The test part must hold at least one window. Received none. Provide a longer table, or increase "
            "`split.test_fraction`."
        )
    return split
