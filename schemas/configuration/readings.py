"""The section `readings` of the settings."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.configuration.section import Names, Section, split_names

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


# lowest and highest possible value of a sensor, None where there is no limit
Limits = tuple[float | None, float | None]
OrderedLimits = Annotated[Limits, AfterValidator(_order_limits)]
Words = Annotated[tuple[str, ...], BeforeValidator(_list_words)]


class ReadingsSection(Section):
    """How the table of readings is parsed and what it must contain."""

    time_column: str = Field("time", description="Column with the time of each row.")
    label_column: str | None = Field(
        "y", description="Column that is 1 on event rows and 0 elsewhere; null for a table without labels."
    )
    drop_columns: Names = Field((), description="Columns to ignore; each must exist.")
    categorical_columns: Names = Field(
        ("x28", "x61"), description="Categorical columns; those that exist are not treated as sensors."
    )
    absent_columns: Names = Field(
        (), description="Columns of a numbered series that are known to be missing."
    )
    separator: str = Field("auto", min_length=1, description="Separator of a CSV file; `auto` detects it.")
    decimal: Literal[".", ","] = Field(".", description="Decimal mark of a CSV file.")
    time_format: str | None = Field(
        None, description="strptime format of the time column; null to detect it."
    )
    day_first: bool | None = Field(
        None,
        description="Whether the day comes before the month in dates such as 1/3/2024; null to decide by the "
        "steps between the rows, and to refuse a table in which they do not tell.",
    )
    step_minutes: float | None = Field(
        None, gt=0, description="Usual interval between rows in minutes; null for the median."
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
    simulated: Literal["mill", "temperature", "sequences"] = Field(
        "mill", description="Kind of readings to simulate when no file is given."
    )

    def __hash__(self) -> int:
        """Hash the settings by their text: a dictionary has no hash of its own."""
        return hash(json.dumps(self.model_dump(mode="json"), sort_keys=True))
