"""Batches of irregular, long, local and mixed tables score as the whole table does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.score import Batch, Scorer, add_batch, describe_batch
from flows.serving.rows import invent_rows, make_table
from schemas.configuration import Configuration
from schemas.errors import InputError
from schemas.readings import RawTable
from schemas.scores import PinnedVersion
from tasks.scoring.append import find_places
from tasks.scoring.score import score_readings
from tests.detectors import train_on_table
from tests.plant_tables import SENSORS, make_plant_table

NOW = datetime(2025, 1, 1, tzinfo=UTC)
VERSION = PinnedVersion(name="plant", number="1", asked="models:/plant/1")
SHORT_PAST = {"features": {"has_context": False}, "windows": {"lookback": 2}}


def make_irregular(rows: int = 1_500, seed: int = 0, events: int = 24) -> pd.DataFrame:
    """Readings every 1 to 59 seconds."""
    table = make_plant_table(rows=rows, seed=seed, events=events)
    seconds = np.cumsum(np.random.default_rng(seed).integers(1, 60, rows))
    table["time"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(seconds, unit="s")
    return table


def make_scorer(table: pd.DataFrame, **readings: object) -> Scorer:
    raw = RawTable(table, "table", "0" * 64)
    _, detector, model, _ = train_on_table(raw, readings=readings, **SHORT_PAST)
    return Scorer(VERSION, detector, model)


@pytest.fixture(scope="module", params=["last", "mean"])
def scorer(request: pytest.FixtureRequest) -> Scorer:
    return make_scorer(make_irregular(), resample_minutes=1, resample_by=request.param)


def add_pieces(scorer: Scorer, pieces: list[pd.DataFrame], out: Path) -> list[Batch]:
    batches = []
    for piece in pieces:
        data = out.with_name("piece.csv")
        piece.to_csv(data, index=False)
        batches.append(add_batch(scorer, data, find_places(out), Configuration(), NOW))
    return batches


def cut(table: pd.DataFrame, cuts: list[int]) -> list[pd.DataFrame]:
    return [table.iloc[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(table)], strict=True)]


@pytest.mark.parametrize("is_growing", [False, True])
@pytest.mark.parametrize("cuts", [[1, 2, 3, 120], [57, 58, 140], [199], [90, 150, 180, 195]])
def test_any_batches_of_irregular_rows_score_as_the_whole_table(
    scorer: Scorer, tmp_path: Path, cuts: list[int], is_growing: bool
) -> None:
    table = make_irregular(200, seed=3, events=2)
    (whole,) = add_pieces(scorer, [table], tmp_path / "whole.csv")
    assert len(whole.scored) > 60
    assert whole.scored["score"].notna().mean() > 0.9
    pieces = cut(table, cuts)
    if is_growing:
        pieces = [table.iloc[:stop] for stop in [*cuts, len(table)]]
    add_pieces(scorer, pieces, tmp_path / "pieces.csv")
    assert (tmp_path / "pieces.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_rows_of_the_last_interval_wait_in_the_state(scorer: Scorer, tmp_path: Path) -> None:
    table = make_irregular(30, seed=3)
    minutes = table["time"].dt.ceil("min")
    waiting = int((minutes > table["time"].iloc[-1]).sum())
    out = tmp_path / "scores.csv"
    (batch,) = add_pieces(scorer, [table], out)
    result = describe_batch(batch, VERSION, find_places(out), {})
    assert waiting > 0
    assert result.rows_waiting == waiting
    assert result.rows_read == minutes.nunique() - 1 == len(batch.scored)
    assert len(json.loads(find_places(out).state.read_text())["waiting"]["times"]) == waiting
    (again,) = add_pieces(scorer, [table], out)
    assert len(again.scored) == 0
    assert describe_batch(again, VERSION, find_places(out), {}).rows_waiting == waiting


def test_an_output_may_begin_with_rows_that_all_wait(scorer: Scorer, tmp_path: Path) -> None:
    table = make_irregular(60, seed=3)
    (batch, *_) = add_pieces(scorer, cut(table, [1, 2, 30]), tmp_path / "pieces.parquet")
    assert (len(batch.scored), len(batch.rows.set_aside)) == (0, 0)
    add_pieces(scorer, [table], tmp_path / "whole.parquet")
    pieces, whole = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("pieces", "whole"))
    assert pieces.equals(whole)


def test_a_batch_at_a_shorter_interval_is_put_on_the_step_of_the_version(tmp_path: Path) -> None:
    table = make_plant_table(rows=600)
    scorer = make_scorer(table, resample_minutes=2)
    later = make_plant_table(rows=60, seed=5)
    halved = later.loc[later.index.repeat(2)].reset_index(drop=True)
    halved["time"] -= pd.to_timedelta(np.where(halved.index % 2 == 0, 1, 0), unit="min")
    add_pieces(scorer, [later], tmp_path / "plain.csv")
    add_pieces(scorer, [halved], tmp_path / "halved.csv")
    assert (tmp_path / "halved.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_a_long_table_scores_as_the_wide_one(tmp_path: Path) -> None:
    wide = make_plant_table().drop(columns="y")
    long = wide.melt("time", var_name="tag", value_name="value")
    scorer = make_scorer(long, layout="long", label_column=None)
    assert scorer.detector.sensors == SENSORS
    later = wide.head(80)
    add_pieces(scorer, [later], tmp_path / "wide.csv")
    pieces = [piece.melt("time", var_name="tag", value_name="value") for piece in cut(later, [1, 40])]
    add_pieces(scorer, pieces, tmp_path / "long.csv")
    assert (tmp_path / "long.csv").read_bytes() == (tmp_path / "wide.csv").read_bytes()


def test_the_rows_of_the_version_s_machine_are_scored(tmp_path: Path) -> None:
    table = make_plant_table()
    scorer = make_scorer(table.assign(unit="P1"), machine_column="unit")
    later = make_plant_table(rows=60, seed=5)
    both = pd.concat([later.assign(unit="P1"), later.assign(unit="P2", s1=-5.0)])
    (batch,) = add_pieces(scorer, [both.sort_values("time", kind="stable")], tmp_path / "both.csv")
    assert "P2: 60" in describe_batch(batch, VERSION, find_places(tmp_path / "both.csv"), {}).notes[0]
    add_pieces(scorer, [later.assign(unit="P1")], tmp_path / "one.csv")
    assert (tmp_path / "both.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    with pytest.raises(InputError, match="machine P1.*has the machines P2"):
        add_pieces(scorer, [later.assign(unit="P2")], tmp_path / "other.csv")


@pytest.mark.parametrize("cuts", [[], [30], [60], [89], [90], [91], [100, 119, 120, 121]])
def test_local_times_score_in_utc_over_the_repeated_hour(tmp_path: Path, cuts: list[int]) -> None:
    scorer = make_scorer(make_plant_table(), time_zone="Europe/Berlin")
    later = make_plant_table(rows=150, seed=5, events=2)
    later["time"] = pd.date_range("2024-10-26 22:00", periods=150, freq="2min")
    local = later.assign(time=later["time"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"))
    local["time"] = local["time"].dt.tz_localize(None).astype(str)
    assert local["time"].duplicated().sum() == 30
    add_pieces(scorer, cut(local, cuts), tmp_path / "local.csv")
    scored = pd.read_csv(tmp_path / "local.csv", parse_dates=["time"])
    assert scored["time"].tolist() == later["time"].tolist()
    assert scored["score"].notna().sum() >= 140
    raw_rows = score_readings(scorer.detector, scorer.model, local)
    assert np.allclose(raw_rows["score"], scored["score"], equal_nan=True)


def test_dates_and_times_of_day_are_read_together(tmp_path: Path) -> None:
    table = make_plant_table()
    split = table.drop(columns="time")
    split.insert(0, "date", table["time"].dt.strftime("%d.%m.%Y"))
    split.insert(1, "clock", table["time"].dt.strftime("%H:%M"))
    scorer = make_scorer(split)
    assert scorer.detector.readings.time_column == "date,clock"
    add_pieces(scorer, [split.head(60)], tmp_path / "split.csv")
    scored = pd.read_csv(tmp_path / "split.csv", parse_dates=["time"])
    assert scored["time"].tolist() == table["time"].head(60).tolist()
    sent = make_table(split.head(60).to_dict("records"), scorer.detector)
    for rows in (split.head(60), sent):
        raw_rows = score_readings(scorer.detector, scorer.model, rows)
        assert np.allclose(raw_rows["score"], scored["score"], equal_nan=True)
    invented = invent_rows(scorer.detector)
    assert list(invented[0])[:2] == ["date", "clock"]
    invented_scores = score_readings(scorer.detector, scorer.model, make_table(invented, scorer.detector))[
        "score"
    ]
    assert invented_scores.notna().any()
