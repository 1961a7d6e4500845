"""The section `readings` of the settings."""

from __future__ import annotations

import codecs
import json
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.configuration.section import Names, Section, split_names
from schemas.simulation import SimulatedKind

# what PI, other historians, SCADA systems and spreadsheets write where there is no value
DEFAULT_MISSING_WORDS = (
    *("Bad", "Bad Input", "Bad Data", "Bad Quality", "Bad Value", "Bad Output", "Bad Total", "Bad_Quality"),
    *("No Data", "NoData", "No Value", "No Result", "No Sample", "No Lab Data", "No Good Data"),
    *("No Good Data For Calculation", "Invalid", "Invalid Data", "Invalid Float", "Not Available"),
    *("Unavailable", "Unknown", "Undefined", "Missing", "I/O Timeout", "IO Timeout", "Timeout"),
    *("Scan Timeout", "Scan Off", "Calc Failed", "Calc Off", "Calc Overflow", "Comm Fail", "Comm Failure"),
    *("Intf Shut", "Shutdown", "Arc Off-line", "Archive Offline", "Not Connect", "Not Connected"),
    *("Configure", "Pt Created", "Equip Fail", "Sensor Failure", "DCS failed", "Failed", "Error"),
    *("Out of Serv", "Out of Service", "Over Range", "Under Range", "Access Denied", "Snapshot Off"),
    *("#N/A", "#NA", "#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "1.#QNAN", "-1.#IND"),
    *("null", "(null)", "<null>", "\\N", "nil", "none", "NaN", "NA", "N/A", "n.a.", "-", "--", "---", "?"),
)


def _list_words(value: Any) -> Any:
    """Accept words and numbers as a list, a string `a,b` or a number; `default` is the default's words."""
    if value is None:
        return ()
    listed = value if isinstance(value, (list, tuple)) else split_names(str(value))
    if isinstance(value, bool) or any(isinstance(word, bool) for word in listed):
        raise ValueError("expected words and numbers; put words that YAML reads as true or false in quotes")
    texts = ["null" if word is None else str(word).strip() for word in listed]
    words = [each for text in texts for each in (DEFAULT_MISSING_WORDS if text == "default" else (text,))]
    return tuple(dict.fromkeys(word for word in words if word))


def _order_limits(value: Limits) -> Limits:
    lowest, highest = value
    if lowest is not None and highest is not None and lowest > highest:
        raise ValueError("expected the lowest possible value before the highest one, such as [0, 250]")
    return value


def _name_mark(value: Any) -> Any:
    """Accept the marks between thousands by name or as the characters that stand for them."""
    if not isinstance(value, str):
        return value
    names = {"space": " ", "no-break space": " ", "apostrophe": "'", "comma": ",", "point": "."}
    alike = {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'"}
    return names.get(value, alike.get(value, value))


def _require_encoding(value: str) -> str:
    try:
        is_known = value == "auto" or codecs.lookup(value)._is_text_encoding
    except LookupError:
        is_known = False
    if not is_known:
        raise ValueError(
            "expected `auto` or the name of a text encoding, such as utf-8, utf-16, cp1252 or shift_jis"
        )
    return value


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("expected the name of a time zone, such as Europe/Berlin or UTC") from None
    return value


# a word that may look like a number, such as the name of a machine
Word = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, (int, float)) else value)]
Zone = Annotated[str, AfterValidator(_check_zone)]
# lowest and highest possible value of a sensor, None where there is no limit
Limits = tuple[float | None, float | None]
OrderedLimits = Annotated[Limits, AfterValidator(_order_limits)]
Encoding = Annotated[str, AfterValidator(_require_encoding)]
ThousandsMark = Annotated[Literal["none", ",", ".", " ", "'"], BeforeValidator(_name_mark)]
Words = Annotated[tuple[str, ...], BeforeValidator(_list_words)]


class ReadingsSection(Section):
    """How the table of readings is parsed and what it must contain."""

    time_column: str = Field(
        "time",
        min_length=1,
        description="Column with the time of each row, or `date,time` for two columns that are read "
        "together.",
    )
    label_column: str | None = Field(
        "y", description="Column that is 1 on event rows and 0 elsewhere; null for a table without labels."
    )
    drop_columns: Names = Field((), description="Columns to ignore; each must exist.")
    categorical_columns: Names = Field(
        (), description="Categorical columns; those that exist are not treated as sensors."
    )
    complete_series: bool | None = Field(
        None,
        description="Whether a numbered series of columns, such as x1..x61, must be complete: a gap in it "
        "may be a lost sensor. Null requires it only of a table with the columns of the published mill file.",
    )
    absent_columns: Names = Field(
        (), description="Columns of a numbered series that are known to be missing."
    )
    separator: str = Field("auto", min_length=1, description="Separator of a CSV file; `auto` detects it.")
    encoding: Encoding = Field(
        "auto",
        description="Encoding of a CSV file: `auto` detects UTF-8 and UTF-16, and takes cp1252 for the rest.",
    )
    skip_lines: int | None = Field(
        None, ge=0, description="Lines above the header of a CSV file or a sheet; null to find the header."
    )
    units_row: bool | None = Field(
        None, description="Whether the line below the header holds units; null to find out."
    )
    decimal: Literal["auto", ".", ","] = Field(
        "auto", description="Decimal mark of numbers that are written as text; `auto` finds it."
    )
    thousands: ThousandsMark | None = Field(
        None,
        description="Mark between thousands: `,`, `.`, `space`, `apostrophe` or `none`; null to find it "
        "where the numbers allow only one reading.",
    )
    sheet: str | None = Field(
        None, description="Sheet of an Excel file; null for the only one that holds a table."
    )
    query: str | None = Field(None, description="SQL query that returns the table, for `--data` with a URL.")
    time_format: str | None = Field(
        None, description="strptime format of the time column; null to detect it."
    )
    day_first: bool | None = Field(
        None,
        description="Whether the day comes before the month in dates such as 1/3/2024; null to decide by the "
        "steps between the rows, and to refuse a table in which they do not tell.",
    )
    time_unit: Literal["s", "ms", "us", "ns", "excel"] | None = Field(
        None,
        description="Unit of times that are numbers: seconds or parts of them since 1970, or Excel's days; "
        "null for the unit in which they lie between 1980 and 2100.",
    )
    time_zone: Zone | None = Field(
        None,
        description="Time zone of times that are written without one, such as Europe/Berlin: they are "
        "converted to UTC, and the hour that is repeated in autumn is read in the order of the rows. Null "
        "takes them as they are.",
    )
    step_minutes: float | None = Field(
        None, gt=0, description="Usual interval between rows in minutes; null for the median."
    )
    resample_minutes: float | None = Field(
        None,
        gt=0,
        description="Puts irregular rows on a regular step: a row at time t stands for the rows after t less "
        "this step and up to t. Null for tables that are regular already.",
    )
    resample_by: Literal["last", "mean"] = Field(
        "last",
        description="Whether a row of the regular step holds the last values of its interval, or means.",
    )
    layout: Literal["wide", "long"] | None = Field(
        None,
        description="`wide` for a row per time and a column per sensor, `long` for a row per time and sensor "
        "with the sensor's name in a column; null to find out.",
    )
    tag_column: str | None = Field(
        None, description="Column of a long table with the names of the sensors; null to find it."
    )
    value_column: str | None = Field(
        None, description="Column of a long table with the values; null to find it."
    )
    machine_column: str | None = Field(
        None, description="Column that says which machine a row belongs to; it is no sensor."
    )
    machine: Word | None = Field(
        None, description="Machine in `readings.machine_column` whose rows are used; others are left out."
    )
    missing_words: Words = Field(
        DEFAULT_MISSING_WORDS,
        description="Words (in capitals or not) and numbers that stand for no value in a sensor: such cells "
        "are missing values. `default` in the list stands for the words of the default: `default,-9999`.",
    )
    limits: dict[str, OrderedLimits] = Field(
        {},
        description="Lowest and highest possible value by sensor, such as `{s7: [0, 250], s8: [null, 40]}`; "
        "values beyond are missing values.",
    )
    text_values: dict[str, dict[str, float]] = Field(
        {},
        description="Numbers for the words of a sensor, such as `{pump: {Off: 0, On: 1}}`, in capitals or "
        "not; other words in it are missing values. Sensors with two words are found: 0 is the first of "
        "Off/On, False/True, No/Yes, Closed/Open, Stopped/Running and other states.",
    )
    missing_values: Literal["refuse", "forward_fill", "no_score"] = Field(
        "refuse",
        description="Reject missing sensor values; fill them with the last value in the same run; or leave "
        "out rows without a value in training, and give them no score. Event rows that training leaves out "
        "may miss values in any case.",
    )
    fill_rows_at_most: int = Field(
        3, ge=1, description="For how many rows in succession `forward_fill` fills a missing value."
    )
    dead_sensors_at_most: int = Field(
        1,
        ge=0,
        description="How many sensors may have no value in a row to score: all features of such a sensor are "
        "those of its training mean. At least one sensor must have a value. Not for training.",
    )
    replay: Literal["none", "causal"] = Field(
        "none",
        description="`causal` replaces values that a historian interpolated by the last archived value. For "
        "training and evaluation on historical files; not available for live scoring.",
    )
    simulated: SimulatedKind = Field(
        "mill", description="Kind of readings to simulate when no file is given."
    )

    def __hash__(self) -> int:
        """Hash the settings by their text: a dictionary has no hash of its own."""
        return hash(json.dumps(self.model_dump(mode="json"), sort_keys=True))
