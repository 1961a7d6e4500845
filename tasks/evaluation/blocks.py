"""Blocks of rows for the bootstrap: whole runs or, where they are too few, pieces of them."""

from __future__ import annotations

import numpy as np

# blocks that an interval needs; a part with fewer runs is cut into about as many pieces of equal length
LEAST_BLOCKS = 20


def number_test_blocks(runs: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """Number the block of each row of a part.

    Rows near one another are alike, so the bootstrap draws blocks of rows. A block is a run of rows. Where
    there are fewer than `LEAST_BLOCKS` runs, those longer than a twentieth of the rows are cut into pieces of
    equal length, none of them longer than that. An event is never cut: its rows belong to the block that it
    begins in.

    Args:
        runs: Number of the run of each row of the part, never decreasing, shape (rows,).
        ranges: First row and row after the last of each event's positive rows, relative to the part, in
            order, int64, shape (events, 2).

    Returns:
        Number of the block, from 0, never decreasing, int64, shape (rows,).

    Source: the block bootstrap with blocks that do not overlap, Carlstein 1986, doi 10.1214/aos/1176350057.
    """
    is_first = np.diff(runs, prepend=runs[0] - 1) != 0
    firsts = np.flatnonzero(is_first)
    if len(firsts) < LEAST_BLOCKS:
        longest = max(len(runs) / LEAST_BLOCKS, 1.0)
        for first, stop in zip(firsts, np.append(firsts[1:], len(runs)), strict=True):
            pieces = int(np.ceil((stop - first) / longest))
            is_first[np.linspace(first, stop, pieces + 1)[:-1].round().astype(np.int64)] = True
        _keep_events_whole(is_first, firsts, ranges)
    return np.cumsum(is_first) - 1


def _keep_events_whole(is_first: np.ndarray, run_firsts: np.ndarray, ranges: np.ndarray) -> None:
    """Move each cut within an event to the event's end, unless a run begins there."""
    for start, stop in ranges:
        inside = start + 1 + np.flatnonzero(is_first[start + 1 : stop])
        moved = inside[~np.isin(inside, run_firsts)]
        is_first[moved] = False
        if len(moved) and stop < len(is_first):
            is_first[stop] = True
