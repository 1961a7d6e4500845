import gzip
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InputError
from tasks.files.write import write_table
from tasks.simulators.plants import simulate_file
from tasks.simulators.simulate import (
    GRADES,
    LATE_SENSOR,
    SENSORS,
    build_plant,
    simulate_readings,
)
from tasks.simulators.simulate_series import simulate_sequences, simulate_temperatures


@pytest.fixture(scope="module")
def readings() -> pd.DataFrame:
    return simulate_readings()


@pytest.fixture(scope="module")
def long_readings() -> pd.DataFrame:
    return simulate_readings(rows=60_000, seed=3)


@pytest.fixture(scope="module")
def roughness(long_readings: pd.DataFrame) -> np.ndarray:
    """An oracle that knows the plant: how sharply the sensors of each loop bend together at a row."""
    plant = build_plant()
    values = long_readings[list(SENSORS)].to_numpy().T / plant.scales[:, None]
    bends = np.abs(np.diff(values, n=2))
    squares = [np.median(bends[plant.loops == loop], axis=0) ** 2 for loop in range(plant.loops.max() + 1)]
    return np.concatenate([[0, 0], np.mean(squares, axis=0)])


def minutes_to_next_row(readings: pd.DataFrame) -> np.ndarray:
    times = pd.to_datetime(readings["time"], format="%m/%d/%y %H:%M")
    return np.append(np.diff(times) / np.timedelta64(1, "m"), 2.0)


def rows_ahead_of_events(readings: pd.DataFrame, ahead: int) -> np.ndarray:
    """Rows that come `ahead` rows before an event, with no other event and no gap on the way."""
    runs = np.cumsum(
        np.append(0, minutes_to_next_row(readings)[:-1] > 2) + readings["y"].shift(1, fill_value=0)
    )
    events = np.flatnonzero(readings["y"])
    return np.asarray([e - ahead for e in events if e >= ahead and runs[e - ahead] == runs[e]])


def rows_far_from_events(readings: pd.DataFrame) -> np.ndarray:
    is_near = readings["y"].rolling(31, center=True, min_periods=1).max() > 0
    return np.flatnonzero(~is_near)


def share_on_lines(readings: pd.DataFrame) -> float:
    bends = readings[list(SENSORS)].drop(columns=LATE_SENSOR).diff().diff().abs()
    return float((bends.iloc[2:] < 2.5e-8).to_numpy().mean())


def test_columns_are_those_of_the_real_file(readings: pd.DataFrame):
    assert readings.columns.tolist() == ["time", "y", *(f"x{number}" for number in range(1, 62))]


def test_default_size_is_that_of_the_real_file(readings: pd.DataFrame):
    assert len(readings) == 18_398


def test_no_value_is_missing(readings: pd.DataFrame):
    assert not readings.isna().any().any()


def test_times_have_no_leading_zeros(readings: pd.DataFrame):
    assert readings["time"].iloc[:2].tolist() == ["5/1/99 0:00", "5/1/99 0:02"]
    assert readings["time"].str.fullmatch(r"[1-9]\d?/[1-9]\d?/\d\d (0|[1-9]\d?):\d\d").all()


def test_times_pass_the_turn_of_the_century():
    times = simulate_readings(rows=200_000)["time"]
    assert times.str.startswith("1/1/00 ").any()


def test_rows_are_two_minutes_apart_unless_the_machine_stood_still(readings: pd.DataFrame):
    steps = minutes_to_next_row(readings)
    assert steps.min() == 2
    assert (steps % 2 == 0).all()
    assert np.mean(steps == 2) > 0.99


def test_one_row_in_150_is_an_event(readings: pd.DataFrame):
    assert readings["y"].mean() == pytest.approx(0.0067, abs=0.0001)


def test_most_events_end_in_a_stand_still(readings: pd.DataFrame):
    stops = minutes_to_next_row(readings)[readings["y"] == 1] > 2
    assert stops.mean() == pytest.approx(0.83, abs=0.04)


def test_stand_stills_last_a_quarter_of_an_hour_and_at_times_many_hours(long_readings: pd.DataFrame):
    steps = minutes_to_next_row(long_readings)
    assert 11 <= np.median(steps[steps > 2]) <= 18
    assert steps.max() > 4 * 60


def test_gaps_lie_only_beside_events(readings: pd.DataFrame):
    before_gap = np.flatnonzero(minutes_to_next_row(readings) > 2)
    is_event = readings["y"].to_numpy() == 1
    assert (is_event[before_gap] | is_event[before_gap + 1]).all()


def test_a_few_events_stand_alone_after_a_gap(readings: pd.DataFrame):
    events = np.flatnonzero(readings["y"])
    assert 1 <= np.sum(minutes_to_next_row(readings)[events - 1] > 2) <= 8


def test_events_come_in_bursts(long_readings: pd.DataFrame):
    spacings = np.diff(np.flatnonzero(long_readings["y"]))
    assert spacings.min() == 2
    assert 40 <= np.median(spacings) <= 85
    assert spacings.std() > spacings.mean()


def test_all_grades_occur_and_change_rarely(readings: pd.DataFrame):
    assert set(readings["x28"]) == set(GRADES)
    assert 15 <= (readings["x28"].diff() != 0).sum() <= 25


def test_the_binary_column_marks_grade_changes(readings: pd.DataFrame):
    is_change = readings["x28"].diff().fillna(0) != 0
    assert readings["x61"].tolist() == is_change.astype(int).tolist()


def test_one_sensor_stands_still_for_two_fifths_of_the_rows(readings: pd.DataFrame):
    late = readings[LATE_SENSOR]
    assert late.iloc[: int(0.4 * len(late))].nunique() == 1
    assert late.iloc[int(0.4 * len(late)) + 1 :].nunique() > 1000


def test_sensors_differ_in_scale_by_orders_of_magnitude(readings: pd.DataFrame):
    deviations = readings[list(SENSORS)].std()
    assert deviations.max() / deviations.min() > 1e4


def test_sensors_drift_away_from_the_first_rows(readings: pd.DataFrame):
    first, last = readings[list(SENSORS)].iloc[:11_000], readings[list(SENSORS)].iloc[-3_700:]
    moved = ((last.mean() - first.mean()) / first.std()).abs().drop(LATE_SENSOR)
    assert (moved > 1).mean() > 0.25


def test_numbers_have_at_most_eight_decimals(readings: pd.DataFrame):
    values = readings[list(SENSORS)].to_numpy()
    assert np.array_equal(values, np.round(values, 8))


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path):
    write_table(simulate_readings(rows=1_000, seed=5), tmp_path / "first.csv.gz")
    write_table(simulate_readings(rows=1_000, seed=5), tmp_path / "second.csv.gz")
    assert (tmp_path / "first.csv.gz").read_bytes() == (tmp_path / "second.csv.gz").read_bytes()


def test_another_seed_gives_other_readings():
    first, second = simulate_readings(rows=1_000, seed=1), simulate_readings(rows=1_000, seed=2)
    assert not np.isclose(first["x1"], second["x1"]).any()


def test_a_quarter_of_the_cells_lies_on_straight_lines_if_asked():
    assert 0.22 <= share_on_lines(simulate_readings(interpolate=True)) <= 0.28


def test_no_cell_lies_on_a_straight_line_by_default(readings: pd.DataFrame):
    assert share_on_lines(readings) < 0.01


def test_interpolation_changes_neither_times_nor_events():
    plain, interpolated = simulate_readings(rows=1_000), simulate_readings(rows=1_000, interpolate=True)
    kept = ["time", "y", "x28", "x61"]
    pd.testing.assert_frame_equal(plain[kept], interpolated[kept])


def test_loops_hunt_before_breaks(long_readings: pd.DataFrame, roughness: np.ndarray):
    usual = np.median(roughness[rows_far_from_events(long_readings)])
    assert np.median(roughness[rows_ahead_of_events(long_readings, 1)]) > 3 * usual


def test_hunting_grows_towards_the_break(long_readings: pd.DataFrame, roughness: np.ndarray):
    medians = [np.mean(roughness[rows_ahead_of_events(long_readings, ahead)]) for ahead in (9, 5, 1)]
    assert medians == sorted(medians)


def test_nothing_is_planted_earlier_than_ten_rows(long_readings: pd.DataFrame, roughness: np.ndarray):
    usual = np.median(roughness[rows_far_from_events(long_readings)])
    before = np.concatenate([rows_ahead_of_events(long_readings, ahead) for ahead in range(13, 25)])
    assert np.median(roughness[before]) == pytest.approx(usual, rel=0.15)


def test_a_quarter_of_the_breaks_comes_from_nowhere(long_readings: pd.DataFrame, roughness: np.ndarray):
    limit = np.quantile(roughness[rows_far_from_events(long_readings)], 0.9)
    assert 0.15 <= np.mean(roughness[rows_ahead_of_events(long_readings, 1)] < limit) <= 0.4


def test_a_single_row_keeps_its_spread_before_breaks(long_readings: pd.DataFrame):
    followers = np.asarray(SENSORS)[build_plant().loops >= 0]
    values = long_readings[followers]
    distances = (values - values.rolling(30).mean().shift(1)).abs()
    usual = distances.iloc[rows_far_from_events(long_readings)].median()
    before = distances.iloc[rows_ahead_of_events(long_readings, 1)].median()
    assert (before / usual).median() < 1.25


def test_a_written_table_reads_back_as_it_was(tmp_path: Path):
    table = simulate_readings(rows=1_000)
    write_table(table, tmp_path / "readings.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "readings.csv"), table, check_dtype=False)


def test_a_compressed_file_holds_the_plain_one(tmp_path: Path):
    table = simulate_readings(rows=1_000)
    write_table(table, tmp_path / "readings.csv")
    write_table(table, tmp_path / "readings.csv.gz")
    plain = (tmp_path / "readings.csv").read_bytes()
    assert gzip.decompress((tmp_path / "readings.csv.gz").read_bytes()) == plain
    assert plain.splitlines()[1].startswith(b"5/1/99 0:00,0,")


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path):
    path = tmp_path / "readings.csv"
    path.write_text("old")
    broken = pd.DataFrame({"time": ['a "quoted" text']})
    with pytest.raises(ValueError, match="structural characters"):
        write_table(broken, path)
    assert [file.name for file in tmp_path.iterdir()] == ["readings.csv"]
    assert path.read_text() == "old"


def test_a_missing_folder_is_refused_with_advice(tmp_path: Path):
    with pytest.raises(InputError, match="Create the folder"):
        write_table(simulate_readings(rows=1_000), tmp_path / "missing" / "readings.csv")


def test_another_ending_is_refused(tmp_path: Path):
    with pytest.raises(
        InputError, match=r"must end in `\.csv`, `\.csv\.gz` or `\.parquet`. Received .*readings\.xlsx"
    ):
        write_table(simulate_readings(rows=1_000), tmp_path / "readings.xlsx")


def test_a_simulated_file_holds_the_mill_by_default(tmp_path: Path, readings: pd.DataFrame):
    write_table(readings, tmp_path / "mill.csv")
    path = simulate_file(tmp_path / "new" / "simulated.csv")
    assert path == tmp_path / "new" / "simulated.csv"
    assert path.read_bytes() == (tmp_path / "mill.csv").read_bytes()


@pytest.mark.parametrize(
    ("kind", "table"), [("temperature", simulate_temperatures()), ("sequences", simulate_sequences())]
)
def test_a_simulated_file_holds_the_kind_that_was_asked_for(
    kind: Literal["temperature", "sequences"], table: pd.DataFrame, tmp_path: Path
):
    path = simulate_file(tmp_path / "simulated.csv", kind)
    pd.testing.assert_frame_equal(pd.read_csv(path), table)


def test_a_file_that_is_there_is_not_simulated_again(tmp_path: Path):
    path = tmp_path / "simulated.csv"
    path.write_text("old")
    simulate_file(path, "sequences")
    assert path.read_text() == "old"


def test_too_few_rows_are_refused():
    with pytest.raises(InputError, match="`rows` must be at least 1,000. Received 999"):
        simulate_readings(rows=999)


def test_a_negative_seed_is_refused():
    with pytest.raises(InputError, match="`seed` must be at least 0. Received -1"):
        simulate_readings(seed=-1)
