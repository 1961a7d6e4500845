"""Turn a long table, with a row per time and sensor, into one with a row per time and a column per sensor."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable
from schemas.tables import as_numbers
from tasks.arrangement.resample import choose_step
from tasks.tables.columns import shorten_list
from tasks.times.clock import name_found
from tasks.times.parse import find_step_minutes
from tasks.times.written_times import read_times

# without a common step more of the cells than these would be empty
_EMPTY_SHARE_AT_MOST = 0.2
_TAGS_SHARE_AT_MOST = 0.5
_NUMBERS_SHARE_AT_LEAST = 0.5
# a long table has few columns, and of text for fewer names than these the machines of a wide one are likelier
_COLUMNS_AT_MOST = 6
_SENSORS_AT_LEAST = 3
_QUALITIES_AT_MOST = 10


@dataclass(frozen=True)
class LongLayout:
    """The columns of a long table: the names of the sensors, their values, and those without a use."""

    tag_column: str
    value_column: str
    ignored: tuple[str, ...]


def find_long_layout(raw: RawTable, section: ReadingsSection) -> LongLayout | None:
    """Find the columns of a long table.

    A table is found to be long if, besides the time, it has just a column of text whose names each come at
    several times, and a column of numbers, and its times repeat.

    Args:
        raw: The table, with its time column.
        section: The layout and its columns, as far as they are set.

    Returns:
        The columns, or None if the table is wide.

    Raises:
        InputError: If the layout is set to long, and its columns cannot be found; or if it is not set, and
            the table looks long but for further columns.
    """
    if section.layout == "wide" or section.time_column not in raw.table.columns:
        return None
    is_set = section.layout == "long"
    has_labels = section.label_column in raw.table.columns
    others = {section.time_column, section.label_column, *section.drop_columns}
    names = [name for name in raw.table.columns if name not in others]
    if not is_set and (has_labels or len(names) > _COLUMNS_AT_MOST or not _has_repeated_times(raw, section)):
        return None
    tags = _choose(section.tag_column, _list_tags(raw.table, names, section.time_column))
    values = _choose(section.value_column, _list_values(raw.table, names))
    if len(tags) != 1 or len(values) != 1 or tags == values or not {*tags, *values} <= set(names):
        if is_set:
            raise InputError(_ask(raw, section, tags, values))
        return None
    ignored = tuple(name for name in names if name not in {*tags, *values})
    if ignored and not is_set:
        if raw.table[tags[0]].nunique() < _SENSORS_AT_LEAST:
            return None
        raise InputError(
            f"Expected a column per sensor. {raw.source} looks like a long table, with sensors named in "
            f"`{tags[0]}` and values in `{values[0]}`: set `readings.layout=long`, which leaves out "
            f"{shorten_list(ignored)}, or `readings.layout=wide`."
        )
    return LongLayout(tags[0], values[0], ignored)


def pivot_long_table(raw: RawTable, section: ReadingsSection, sensors: Collection[str] = ()) -> RawTable:
    """Turn a long table into a wide one; a wide one stays as it is.

    With the rows (00:00, s1, 5), (00:02, s1, 6), (00:00, s2, 7), the result has the rows (00:00, 5, 7) and
    (00:02, 6, -). Row numbers are those of each time's first row.

    Args:
        raw: The table, with its time column.
        section: Layout, as far as it is set.
        sensors: Sensors that a version needs: a table that has them as columns is wide, whatever is set.

    Returns:
        A column per sensor in the order of their first rows; rows in the order of their times. What was found
        is in `found`.

    Raises:
        InputError: If a sensor has several values at a time, or the sensors have so few times in common that
            they need a common step, which is not set.
    """
    if sensors and set(sensors) <= set(raw.table.columns):
        return raw
    layout = find_long_layout(raw, section)
    if layout is None:
        return raw
    rows = raw.table
    written = read_times(rows[section.time_column], section)
    times = written.times
    is_read = (times.notna() & rows[layout.tag_column].notna()).to_numpy()
    kept, moments = rows[is_read], times[is_read]
    tags = kept[layout.tag_column].astype("str").str.strip()
    keys = pd.DataFrame({"time": moments, "tag": tags})
    kept, keys = _drop_repeated(raw, kept, keys, layout)
    table = _pivot(kept, keys, section, layout)
    if section.resample_minutes is None:
        _refuse_sparse(raw, table, keys, section)
    return replace(
        raw,
        table=table,
        findings=(*raw.findings, *_report(raw, section, layout, len(rows) - len(kept), table)),
        found={**raw.found, **name_found(written, section), **_name_columns(section, layout)},
        time_format=written.time_format or written.time_unit,
    )


def _choose(given: str | None, found: list[str]) -> list[str]:
    return found if given is None else [given]


def _has_repeated_times(raw: RawTable, section: ReadingsSection) -> bool:
    return bool(raw.table[section.time_column].duplicated().any())


def _list_tags(table: pd.DataFrame, names: list[str], time_column: str) -> list[str]:
    """List the columns that may name sensors; of several, those whose names come once at a time at most."""
    tags = [name for name in names if _holds_tags(table[name])]
    if len(tags) < 2:
        return tags
    return [name for name in tags if not table[[time_column, name]].duplicated().any()] or tags


def _holds_tags(column: pd.Series) -> bool:
    """Return whether a column holds few names, each of them several times."""
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        return False
    counts = column.value_counts()
    if len(counts) < 2 or len(counts) > _TAGS_SHARE_AT_MOST * len(column):
        return False
    return bool(as_numbers(column).isna().mean() > _NUMBERS_SHARE_AT_LEAST and counts.median() > 1)


def _list_values(table: pd.DataFrame, names: list[str]) -> list[str]:
    """List the columns of numbers; of several, those with more values than a quality has."""
    values = [
        name
        for name in names
        if as_numbers(table[name]).notna().sum() > _NUMBERS_SHARE_AT_LEAST * table[name].notna().sum()
    ]
    if len(values) < 2:
        return values
    return [name for name in values if table[name].nunique() > _QUALITIES_AT_MOST] or values


def _drop_repeated(
    raw: RawTable, rows: pd.DataFrame, keys: pd.DataFrame, layout: LongLayout
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Drop rows that repeat another one, and refuse a sensor with several values at a time."""
    values = rows[layout.value_column].astype("str")
    is_again = keys.assign(value=values).duplicated().to_numpy()
    rows, keys = rows[~is_again], keys[~is_again]
    is_other = keys.duplicated().to_numpy()
    if is_other.any():
        first = rows.index[np.flatnonzero(is_other)[0]]
        key = keys.loc[first]
        raise InputError(
            f"Expected one value per sensor and time in a long table. In {raw.source}, "
            f"{int(is_other.sum()):,} rows give another value; the first is row {first}, {key['tag']} at "
            f"{key['time']}. Keep one row of each, or choose one machine by `readings.machine_column` and "
            "`readings.machine`."
        )
    return rows, keys


def _pivot(
    rows: pd.DataFrame, keys: pd.DataFrame, section: ReadingsSection, layout: LongLayout
) -> pd.DataFrame:
    moments, places = np.unique(keys["time"].to_numpy(), return_inverse=True)
    tags, names = pd.factorize(keys["tag"])
    values = rows[layout.value_column]
    cells = np.full((len(moments), len(names)), np.nan, dtype=object)
    cells[places, tags] = values.astype(object).to_numpy()
    first_rows = np.full(len(moments), len(rows))
    np.minimum.at(first_rows, places, np.arange(len(rows)))
    table = pd.DataFrame(cells, columns=[str(name) for name in names], index=rows.index[first_rows])
    if pd.api.types.is_numeric_dtype(values.dtype):
        table = table.astype(np.float64)
    times = pd.Series(moments, index=table.index)
    table.insert(0, section.time_column, times if section.time_zone is None else times.dt.tz_localize("UTC"))
    return table


def _refuse_sparse(raw: RawTable, table: pd.DataFrame, keys: pd.DataFrame, section: ReadingsSection) -> None:
    """Refuse sensors that were read at different times, unless they are put on a common step."""
    empty = float(table.drop(columns=section.time_column).isna().to_numpy().mean())
    if empty <= _EMPTY_SHARE_AT_MOST:
        return
    steps = [find_step_minutes(np.sort(of_tag.to_numpy())) for _, of_tag in keys.groupby("tag")["time"]]
    longest = max((step for step in steps if not np.isnan(step)), default=1.0)
    raise InputError(
        f"Expected sensors with common times in a long table. In {raw.source} they were read at different "
        f"times: {empty:.0%} of the cells would be empty. Put them on a common step by "
        f"`readings.resample_minutes={choose_step(longest):g}`, or another one."
    )


def _name_columns(section: ReadingsSection, layout: LongLayout) -> dict[str, str]:
    found = {
        "layout": "long" if section.layout is None else None,
        "tag_column": layout.tag_column if section.tag_column is None else None,
        "value_column": layout.value_column if section.value_column is None else None,
    }
    return {f"readings.{name}": value for name, value in found.items() if value is not None}


def _report(
    raw: RawTable, section: ReadingsSection, layout: LongLayout, dropped: int, table: pd.DataFrame
) -> tuple[Finding, ...]:
    """Report the layout, and what of the table is not used."""
    sensors = table.shape[1] - 1
    message = (
        f"The table is a long one: {len(raw.table):,} rows with a value each, of {sensors:,} sensors named "
        f"in `{layout.tag_column}` with values in `{layout.value_column}`, became {len(table):,} rows, one "
        "per time."
    )
    findings = [
        Finding(
            check="long_table",
            message=message,
            columns=(layout.tag_column, layout.value_column),
            details={"rows": len(raw.table), "sensors": sensors, "times": len(table)},
        )
    ]
    if dropped:
        findings.append(
            Finding(
                check="rows_of_long_table",
                message=f"{dropped:,} rows of the long table are left out: they repeat another row, or have "
                "no readable time or no sensor's name.",
                details={"rows": dropped},
            )
        )
    unused = [name for name in raw.table.columns if name in layout.ignored or name == section.label_column]
    if unused:
        findings.append(
            Finding(
                check="ignored_columns",
                message=f"Columns of the long table besides time, sensor and value are not used: "
                f"{shorten_list(unused)}.",
                columns=tuple(unused),
            )
        )
    return tuple(findings)


def _ask(raw: RawTable, section: ReadingsSection, tags: list[str], values: list[str]) -> str:
    return (
        "Expected a long table (`readings.layout`) with one column of sensors' names (`readings.tag_column`; "
        f"found: {shorten_list(tags) or 'none'}) and one of values (`readings.value_column`; found: "
        f"{shorten_list(values) or 'none'}). {raw.source} has the columns "
        f"{shorten_list(list(raw.table.columns))}. Set both, or `readings.layout` to wide."
    )
