"""Appending to an output: each batch once, whatever is killed, and nothing that other hands have made."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InputError, StoreUnreachableError
from schemas.evaluation import Threshold
from schemas.scores import Bookmark, CarriedRows, FileMark, Places
from tasks.scoring.append import append_batch, find_places, hold_output, open_output

NOW = datetime(2024, 1, 1, tzinfo=UTC)
BATCH_ROWS = 4
ENDINGS = ["csv", "parquet"]


def scored_batch(number: int) -> pd.DataFrame:
    """Rows of one batch: each batch goes on where the one before ended."""
    first = number * BATCH_ROWS
    times = pd.Timestamp("2024-05-01") + pd.to_timedelta(2 * np.arange(first, first + BATCH_ROWS), "min")
    return pd.DataFrame(
        {
            "time": times.astype("datetime64[ns]"),
            "score": [np.nan, 0.1 + number, 1 / 3, 2.0],
            "threshold": [1.5, 1.5, 1.5, np.inf],
            "alarm": [False, number > 0, False, False],
            "episode": pd.array([None, number or None, None, None], dtype="Int64"),
            "top_sensors": ["", "x1=0.60 x2=0.40" if number else "", "", ""],
            "drivers": ["", '[{"sensor": "x1", "share": 0.6}]' if number else "", "", ""],
            "model_version": "1",
            "scored_at": pd.Timestamp(NOW).as_unit("us"),
        }
    )


def rows_aside(number: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row": [str(number)],
            "time": "",
            "reasons": "time: not a time; x1: missing value",
            "set_aside_at": pd.Timestamp(NOW).as_unit("us"),
            "data": "new.csv",
            "values": f'{{"time": "batch {number}", "x1": null}}',
        }
    )


def bookmark_after(number: int, before: Bookmark | None) -> Bookmark:
    scored = scored_batch(number)
    return Bookmark(
        model_name="forewarn",
        model_version="1",
        threshold=Threshold(value=0.1 + 0.2, rule="fixed"),
        carried=CarriedRows(
            times=scored["time"].to_numpy()[-1:],
            events=np.zeros(1, dtype=bool),
            values=pd.DataFrame({"x1": [0.1 * 3], "x2": [np.nan]}),
            categories=pd.DataFrame({"x28": [None]}, dtype=object),
        ),
        held_rows={},
        rows=(number + 1) * BATCH_ROWS,
        episodes=number,
        is_alarm=False,
        columns=tuple(scored.columns),
        output=FileMark() if before is None else before.output,
        set_aside=FileMark() if before is None else before.set_aside,
    )


def add_missing_batch(places: Places, number: int) -> None:
    """What a command does with the table of one batch: skip what is there, append the rest."""
    opened = open_output(places)
    done = 0 if opened.bookmark is None else opened.bookmark.rows // BATCH_ROWS
    if number >= done:
        after = bookmark_after(number, opened.bookmark)
        append_batch(places, opened, after, scored_batch(number), rows_aside(number))


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def make_output(folder: Path, ending: str, batches: int = 2) -> Places:
    folder.mkdir(exist_ok=True)
    places = find_places(folder / f"scores.{ending}")
    for number in range(batches):
        add_missing_batch(places, number)
    return places


class Killer:
    """Kills this process at a moment: before a call that changes files, counted from 0, or amid a write.

    The moment after a call is the one before the next.
    """

    def __init__(self, moment: int) -> None:
        self._left = moment

    def pass_moment(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def watch(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            self.pass_moment()
            return call(*arguments, **options)

        return watched

    def watch_halves(self, write: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
        def watched(descriptor: int, content: Any) -> int:
            self.pass_moment()
            return write(
                descriptor, bytes(content)[: max(len(content) // 2, 1)] if len(content) > 64 else content
            )

        return watched


def run_killed(moment: int, work: Callable[[], None]) -> bool:
    """Run in a child process that kills itself; tell whether it was killed before it was done."""
    child = os.fork()
    if child == 0:
        killer = Killer(moment)
        os.write = killer.watch_halves(os.write)  # type: ignore[assignment]
        for name in ("open", "fsync", "ftruncate", "replace", "unlink"):
            setattr(os, name, killer.watch(getattr(os, name)))
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("before", [0, 1])
def test_a_batch_that_is_killed_at_any_moment_is_there_once_after_the_next_run(
    tmp_path: Path, ending: str, before: int
) -> None:
    make_output(tmp_path / "whole", ending, before + 2)
    expected = read_files(tmp_path / "whole")
    moments = 0
    for moment in itertools.count():
        folder = tmp_path / str(moment)
        places = make_output(folder, ending, before)
        was_killed = run_killed(moment, lambda places=places: add_missing_batch(places, before))
        # the next run gets the same batch again, and then the next one
        add_missing_batch(places, before)
        add_missing_batch(places, before + 1)
        assert read_files(folder) == expected
        moments = moment
        if not was_killed:
            break
    assert moments > 15


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_recovery_that_is_killed_at_any_moment_loses_nothing(tmp_path: Path, ending: str) -> None:
    make_output(tmp_path / "whole", ending, 2)
    expected = read_files(tmp_path / "whole")
    recovered = 0
    # amid the rows set aside, amid the output, and after both
    for first in (12, 18, 24):
        for second in itertools.count():
            folder = tmp_path / f"{first}-{second}"
            places = make_output(folder, ending, 1)
            run_killed(first, lambda places=places: add_missing_batch(places, 1))
            was_killed = run_killed(second, lambda places=places: open_output(places))
            add_missing_batch(places, 1)
            assert read_files(folder) == expected
            recovered += was_killed
            if not was_killed:
                break
    assert recovered > 5


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failed_append_can_be_tried_again(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_output(tmp_path / "whole", ending, 2)
    places = make_output(tmp_path / "again", ending, 1)
    opened = open_output(places)
    move, calls = os.replace, []

    def fail_at_last(path: Path, target: Path) -> None:
        calls.append(target)
        if target == places.state and calls.count(target) == 1:
            raise OSError("no space left")
        move(path, target)

    monkeypatch.setattr(os, "replace", fail_at_last)
    batch = (bookmark_after(1, opened.bookmark), scored_batch(1), rows_aside(1))
    with pytest.raises(OSError, match="no space left"):
        append_batch(places, opened, *batch)
    append_batch(places, opened, *batch)
    assert read_files(tmp_path / "again") == read_files(tmp_path / "whole")


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_output_holds_what_was_appended(tmp_path: Path, ending: str) -> None:
    places = make_output(tmp_path, ending, 2)
    table = pd.read_csv(places.out) if ending == "csv" else pd.read_parquet(places.out)
    expected = pd.concat([scored_batch(0), scored_batch(1)], ignore_index=True)
    assert list(table.columns) == list(expected.columns)
    assert pd.to_datetime(table["time"]).tolist() == expected["time"].tolist()
    for column in ("score", "threshold", "alarm"):
        np.testing.assert_array_equal(table[column].to_numpy(), expected[column].to_numpy())
    assert table["episode"].dropna().tolist() == [1]
    assert table["drivers"].fillna("").tolist() == expected["drivers"].tolist()


def test_what_is_opened_tells_the_times_of_all_rows(tmp_path: Path) -> None:
    for ending in ENDINGS:
        opened = open_output(make_output(tmp_path / ending, ending, 2))
        expected = pd.concat([scored_batch(0), scored_batch(1)])["time"]
        assert opened.times.tolist() == expected.to_numpy().tolist()


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    opened = open_output(make_output(tmp_path, "csv", 1))
    found, expected = opened.bookmark, bookmark_after(0, None)
    assert found is not None
    assert found.threshold == expected.threshold
    assert found.carried.values["x1"].tolist() == [0.1 * 3]
    assert found.carried.values["x2"].isna().all()
    assert found.carried.categories["x28"].tolist() == [None]


def test_a_file_that_others_made_is_not_touched(tmp_path: Path) -> None:
    places = find_places(tmp_path / "scores.csv")
    places.out.write_text("mine\n")
    with pytest.raises(InputError, match="must be a new file"):
        open_output(places)
    assert places.out.read_text() == "mine\n"


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", ["appended", "cut", "changed", "removed"])
def test_an_output_that_others_changed_is_refused(tmp_path: Path, ending: str, kind: str) -> None:
    places = make_output(tmp_path, ending, 1)
    content = places.out.read_bytes()
    changed = {"appended": content + b"x", "cut": content[:-1], "changed": content[:-2] + b"9\n"}
    places.out.unlink() if kind == "removed" else places.out.write_bytes(changed[kind])
    before = read_files(tmp_path)
    with pytest.raises(InputError, match="must be as the last"):
        open_output(places)
    assert read_files(tmp_path) == before


def test_a_changed_output_is_refused_after_a_kill_too(tmp_path: Path) -> None:
    places = make_output(tmp_path, "csv", 1)
    assert run_killed(18, lambda: add_missing_batch(places, 1))
    assert places.intent.exists()
    places.out.write_bytes(places.out.read_bytes().replace(b"0.1", b"0.2", 1))
    with pytest.raises(InputError, match="must be as the last"):
        open_output(places)


def test_a_broken_state_is_refused(tmp_path: Path) -> None:
    places = make_output(tmp_path, "csv", 1)
    places.state.write_text('{"format_version": 1}')
    with pytest.raises(InputError, match="must be the state"):
        open_output(places)


def test_a_state_of_another_format_is_refused(tmp_path: Path) -> None:
    places = make_output(tmp_path, "csv", 1)
    places.state.write_text('{"format_version": 99}')
    with pytest.raises(InputError, match="format version 1"):
        open_output(places)


def test_rows_with_other_columns_are_refused(tmp_path: Path) -> None:
    places = make_output(tmp_path, "csv", 1)
    opened = open_output(places)
    other = replace(bookmark_after(1, opened.bookmark), columns=("time", "score"))
    with pytest.raises(InputError, match="another release"):
        append_batch(places, opened, other, scored_batch(1)[["time", "score"]], rows_aside(1))


@pytest.mark.parametrize("name", ["scores.csv.gz", "scores.txt", "nowhere/scores.csv", "folder.csv"])
def test_an_output_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="`--out` must be"):
        find_places(tmp_path / name)


def test_one_at_a_time_works_on_an_output(tmp_path: Path) -> None:
    places = find_places(tmp_path / "scores.csv")
    with hold_output(places):  # noqa: SIM117 - the inner one is refused
        with pytest.raises(StoreUnreachableError, match="at a time"), hold_output(places, 0.2):
            pass
    with hold_output(places, 0.0):
        assert places.lock.exists()
    assert not places.lock.exists()


def test_the_second_waits_for_the_first(tmp_path: Path) -> None:
    places = find_places(tmp_path / "scores.csv")
    order = []

    def work(name: str) -> None:
        with hold_output(places, 30.0):
            order.append(f"{name} begins")
            time.sleep(0.1)
            order.append(f"{name} ends")

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(order) == 8
    assert [entry.split()[0] for entry in order[::2]] == [entry.split()[0] for entry in order[1::2]]
