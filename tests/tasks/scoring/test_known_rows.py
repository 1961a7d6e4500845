"""How rows are recognised that come again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schemas.scores import KnownRows
from tasks.scoring import known_rows
from tasks.scoring.known_rows import find_zones, hash_rows, remember_rows


def hash_one(a: float, b: float, grade: str | None = "x") -> int:
    numbers, categories = pd.DataFrame({"a": [a], "b": [b]}), pd.DataFrame({"g": [grade]}, dtype=object)
    return int(hash_rows(numbers, categories)[0])


def test_a_hash_depends_on_every_value_and_its_column() -> None:
    hashes = [hash_one(1, 2), hash_one(2, 1), hash_one(1, 3), hash_one(1, np.nan), hash_one(1, 2, None)]
    assert len(set(hashes)) == 5


def test_a_hash_never_changes_from_release_to_release() -> None:
    # a state file holds it
    assert hash_one(1.5, np.nan) == 11039940444315681727


def test_equal_values_have_equal_hashes() -> None:
    assert hash_one(0.0, 1) == hash_one(-0.0, 1)
    other_nan = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)[0]
    assert hash_one(np.nan, 1) == hash_one(other_nan, 1)
    numbers, none = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), pd.DataFrame(index=range(2))
    assert hash_rows(numbers, none).tolist() == hash_rows(numbers[["b", "a"]], none).tolist()
    assert len(hash_rows(numbers.iloc[:0], none.iloc[:0])) == 0


def test_hashes_of_the_last_rows_of_the_same_columns_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_rows, "ROWS_REMEMBERED", 3)
    hashes = np.arange(2, dtype=np.uint64)
    first = remember_rows(KnownRows(), ("a",), hashes, are_zoned=True)
    second = remember_rows(first, ("a",), hashes + 2, are_zoned=True)
    assert (second.hashes.tolist(), second.are_zoned) == ([1, 2, 3], True)
    assert remember_rows(second, ("a", "b"), hashes, are_zoned=True).hashes.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("time", "is_zoned"),
    [
        ("2024-05-01 00:02:00", False),
        ("2024-05-01", False),
        ("5/1/24 0:02", False),
        ("05-01-2024 10:00:05", False),
        ("20240501T000200", False),
        ("2024-05-01 00:02:00+02:00", True),
        ("2024-05-01T00:02:00.5Z", True),
        ("20240501T000200-0500", True),
        ("2024-05-01T00+02", True),
        (" 2024-05-01 00:02:00 UTC ", True),
        (None, False),
    ],
)
def test_a_zone_is_found_in_a_text(time: str | None, is_zoned: bool) -> None:
    assert find_zones(pd.Series([time, "?"], dtype=object), None).tolist() == [is_zoned, False]


def test_the_format_says_whether_there_is_a_zone() -> None:
    written = pd.Series(["2024-05-01 10-05"])
    assert find_zones(written, "%Y-%m-%d %H-%M").tolist() == [False]
    assert find_zones(written, "%Y-%m-%d %H%z").tolist() == [True]


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_times_that_are_no_text_know_their_zone(zone: str | None) -> None:
    times = pd.Series(pd.date_range("2024-05-01", periods=2, tz=zone))
    assert find_zones(times, None).tolist() == [zone is not None] * 2
    assert find_zones(times.astype(object), None).tolist() == [zone is not None] * 2
    assert find_zones(pd.Series([1.0, 2.0]), None).tolist() == [False, False]
