"""A small table as plants export it, and the same table written in other ways."""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SENSORS = tuple(f"s{number}" for number in range(1, 9))
FIRST_TIME = "2024-03-01"


def make_plant_table(rows: int = 1500, events: int = 24, seed: int = 0) -> pd.DataFrame:
    """Make readings of 8 sensors every 2 minutes, with events that two sensors announce faintly.

    Args:
        rows: Number of rows.
        events: Number of events, one row each, at equal distances.
        seed: Seed of the values.

    Returns:
        Columns `time`, `y` and `s1` to `s8`, shape (rows, 10); values have three decimals.
    """
    generator = np.random.default_rng(seed)
    steps = generator.normal(size=(rows, len(SENSORS)))
    values = 0.1 * np.cumsum(steps, axis=0) + generator.normal(size=steps.shape)
    event_rows = np.linspace(0, rows, events + 2)[1:-1].astype(int)
    for row in event_rows:
        values[max(row - 4, 0) : row, :2] += 2.5
    table = pd.DataFrame(np.round(10 * np.arange(1, 9) + values, 3), columns=list(SENSORS))
    table.insert(0, "time", pd.date_range(FIRST_TIME, periods=rows, freq="2min"))
    table.insert(1, "y", np.isin(np.arange(rows), event_rows).astype(int))
    return table


def _write_text(folder: Path, name: str, text: str, encoding: str = "utf-8") -> str:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return str(path)


def _to_csv(table: pd.DataFrame, **options: Any) -> str:
    return str(table.to_csv(index=False, lineterminator="\n", **options))


def write_plain(table: pd.DataFrame, folder: Path) -> str:
    return _write_text(folder, "plain.csv", _to_csv(table))


def write_utf16(table: pd.DataFrame, folder: Path) -> str:
    return _write_text(folder, "utf16.csv", _to_csv(table), "utf-16")


def write_preamble(table: pd.DataFrame, folder: Path) -> str:
    head = "Historian export, mill 3\nCreated 2024-03-04 by operator\n"
    return _write_text(folder, "preamble.csv", head + _to_csv(table))


def write_units_row(table: pd.DataFrame, folder: Path) -> str:
    header, _, rows = _to_csv(table).partition("\n")
    units = ",".join(["", "", *(["bar"] * len(SENSORS))])
    return _write_text(folder, "units.csv", f"{header}\n{units}\n{rows}")


def write_european(table: pd.DataFrame, folder: Path) -> str:
    text = _to_csv(table, sep=";", decimal=",", date_format="%d.%m.%Y %H:%M")
    return _write_text(folder, "european.csv", text)


def write_day_first(table: pd.DataFrame, folder: Path) -> str:
    return _write_text(folder, "day-first.csv", _to_csv(table, date_format="%d/%m/%Y %H:%M"))


def write_epoch(table: pd.DataFrame, folder: Path) -> str:
    seconds = table["time"].to_numpy("datetime64[s]").astype(np.int64)
    return _write_text(folder, "epoch.csv", _to_csv(table.assign(time=seconds)))


def write_trailing_separator(table: pd.DataFrame, folder: Path) -> str:
    return _write_text(folder, "trailing.csv", _to_csv(table).replace("\n", ",\n"))


def write_index_column(table: pd.DataFrame, folder: Path) -> str:
    return _write_text(folder, "index.csv", str(table.to_csv(lineterminator="\n")))


def write_growing(table: pd.DataFrame, folder: Path) -> str:
    return _write_text(folder, "growing.csv", _to_csv(table) + "2024-03-03 02:00:00,0,1.5")


def write_zoned_parquet(table: pd.DataFrame, folder: Path) -> str:
    path = folder / "zoned.parquet"
    table.assign(time=table["time"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")).to_parquet(path)
    return str(path)


def write_newest_first(table: pd.DataFrame, folder: Path) -> str:
    return _write_text(folder, "newest-first.csv", _to_csv(table.iloc[::-1]))


def write_excel(table: pd.DataFrame, folder: Path) -> str:
    path = folder / "readings.xlsx"
    table.to_excel(path, index=False)
    return str(path)


def write_folder(table: pd.DataFrame, folder: Path) -> str:
    """Write a file per day, each of which begins with the last two rows of the day before."""
    days = folder / "days"
    days.mkdir()
    dates = table["time"].dt.date
    for date in dates.unique():
        first = int(np.flatnonzero(dates == date)[0])
        chosen = table.iloc[max(first - 2, 0) : int(np.flatnonzero(dates == date)[-1]) + 1]
        _write_text(days, f"{date}.csv", _to_csv(chosen))
    return str(days)


def write_date_and_time(table: pd.DataFrame, folder: Path) -> str:
    split = table.drop(columns="time")
    split.insert(0, "date", table["time"].dt.strftime("%Y-%m-%d"))
    split.insert(1, "clock", table["time"].dt.strftime("%H:%M:%S"))
    return _write_text(folder, "date-and-time.csv", _to_csv(split))


def write_am_pm(table: pd.DataFrame, folder: Path) -> str:
    return _write_text(folder, "am-pm.csv", _to_csv(table, date_format="%d-%b-%Y %I:%M:%S %p"))


def write_text_label(table: pd.DataFrame, folder: Path) -> str:
    words = table["y"].map({0: "run", 1: "trip"})
    return _write_text(folder, "text-label.csv", _to_csv(table.assign(y=words)))


def write_sqlite(table: pd.DataFrame, folder: Path) -> str:
    with contextlib.closing(sqlite3.connect(folder / "plant.db")) as connection:
        table.assign(time=table["time"].astype(str)).to_sql("readings", connection, index=False)
    return f"sqlite:///{folder / 'plant.db'}"


def write_two_machines(table: pd.DataFrame, folder: Path) -> str:
    other = table.assign(machine="PM2", **{name: table[name] + 100 for name in SENSORS})
    both = pd.concat([table.assign(machine="PM1"), other]).sort_values("time", kind="stable")
    return _write_text(folder, "machines.csv", _to_csv(both))


# ways to write the same readings, and the settings by which they are read
SAME_READINGS: dict[str, tuple[Callable[[pd.DataFrame, Path], str], tuple[str, ...]]] = {
    "plain": (write_plain, ()),
    "utf-16": (write_utf16, ()),
    "preamble": (write_preamble, ()),
    "units row": (write_units_row, ()),
    "european": (write_european, ()),
    "day first": (write_day_first, ()),
    "epoch seconds": (write_epoch, ()),
    "trailing separator": (write_trailing_separator, ()),
    "index column": (write_index_column, ()),
    "growing": (write_growing, ()),
    "zoned parquet": (write_zoned_parquet, ()),
    "newest first": (write_newest_first, ()),
    "excel": (write_excel, ()),
    "folder": (write_folder, ()),
    "date and time": (write_date_and_time, ("readings.time_column=date,clock",)),
    "am and pm": (write_am_pm, ()),
    "text label": (write_text_label, ("labels.positive_values=trip",)),
    "sqlite": (write_sqlite, ("readings.query=select * from readings",)),
    "machine": (write_two_machines, ("readings.machine_column=machine", "readings.machine=PM1")),
}


def write_page_tables(folder: Path) -> None:
    """Write the tables that docs/readings.md names."""
    table = make_plant_table()
    later = make_plant_table(rows=1800).iloc[1500:]
    for name, chosen in (("readings.csv", table), ("new.csv", later)):
        text = _to_csv(chosen, sep=";", decimal=",", date_format="%d.%m.%Y %H:%M")
        header, _, rows = text.partition("\n")
        units = ";".join(["", "", *(["bar"] * len(SENSORS))])
        head = f"Export of line 3\nCreated by the historian\n{header}\n{units}\n"
        _write_text(folder, name, head + rows, "cp1252")
    words = table.astype({"s2": object})
    words.loc[[50, 51, 600], "s2"] = "Bad Input"
    _write_text(folder, "words.csv", _to_csv(words))
    sentinels = table.copy()
    sentinels.loc[[100, 700, 1100], "s7"] = -9999
    _write_text(folder, "sentinels.csv", _to_csv(sentinels))
    pump = np.where(np.arange(len(table)) % 90 < 45, "On", "Off")
    grade = np.array(["A4", "B5", "C6"])[np.arange(len(table)) // 500]
    _write_text(folder, "states.csv", _to_csv(table.assign(pump=pump, grade=grade)))
    _write_text(folder, "trips.csv", _to_csv(table.assign(y=table["y"].map({0: "run", 1: "trip"}))))
    _write_text(folder, "no-labels.csv", _to_csv(table.drop(columns="y")))
    starts = table["time"][table["y"] == 1]
    log = pd.DataFrame({"start": starts, "end": starts + pd.Timedelta(minutes=1), "kind": "web break"})
    _write_text(folder, "log.csv", _to_csv(log))
    long = table.drop(columns="y").melt("time", var_name="tag", value_name="value")
    _write_text(folder, "long.csv", _to_csv(long.sort_values(["time", "tag"])))
    seconds = np.cumsum(np.random.default_rng(1).integers(1, 60, len(table)))
    irregular = table.assign(time=pd.Timestamp(FIRST_TIME) + pd.to_timedelta(seconds, unit="s"))
    _write_text(folder, "irregular.csv", _to_csv(irregular))
    write_two_machines(table, folder)
    write_folder(table, folder)
    write_sqlite(table, folder)
