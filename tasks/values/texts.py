"""Sensors of words: two words such as Off and On are 0 and 1, a few words of other kinds are categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from schemas.readings import Finding
from schemas.tables import as_numbers

# numbers for the words of each sensor, as `readings.text_values` has them
TextValues = Mapping[str, Mapping[str, float]]
CATEGORIES_AT_MOST = 20
ROWS_PER_CATEGORY = 20
# a sensor with more numbers than that is one of numbers, with words among them
NUMBERS_SHARE_AT_MOST = 0.5
LOW_WORDS = frozenset(
    (
        *("off", "false", "no", "n", "f", "0", "closed", "close", "stopped", "stop", "inactive", "disabled"),
        *("low", "down", "manual", "normal", "ok", "good", "aus", "nein", "zu"),
    )
)
HIGH_WORDS = frozenset(
    (
        *("on", "true", "yes", "y", "t", "1", "open", "opened", "running", "run", "started", "start"),
        *("active", "enabled", "high", "up", "auto", "automatic", "alarm", "fault", "tripped", "trip"),
        *("ein", "ja", "auf"),
    )
)


@dataclass(frozen=True)
class Texts:
    """Columns of words that were found in a table.

    Attributes:
        values: Numbers for the words of each sensor of two words, or of one.
        categories: Words of each column of a few words.
    """

    values: TextValues = field(default_factory=dict)
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)


def find_texts(table: pd.DataFrame, decimal: str) -> Texts:
    """Find the columns of words that can be used as numbers or categories.

    A word may be written in capitals or not. Two words are 0 and 1 if one of them names a state: Off, False,
    No, Closed and Stopped are 0, On, True, Yes, Open and Running are 1, and so on; a word beside one of them
    gets the other number. Up to 20 words with 20 rows each on average are categories, also two such as A4 and
    kraft. Two words of any kind with fewer rows are 0 and 1 in the order of the alphabet. Columns with more
    words, and columns of numbers with words among them, are left as they are; 0 and 1 may be words.

    Args:
        table: Columns of sensors, with missing values where a cell stands for no value.
        decimal: Decimal mark of numbers stored as text.
    """
    values: dict[str, dict[str, float]] = {}
    categories: dict[str, list[str]] = {}
    for name in table.columns:
        words = _list_words(table[name], decimal)
        if not words:
            continue
        ranks = {_rank_word(word)[0] for word in words}
        is_few = len(words) <= min(CATEGORIES_AT_MOST, table[name].notna().sum() // ROWS_PER_CATEGORY)
        if len(words) == 1 or (len(words) == 2 and (ranks != {1} or not is_few)):
            values[name] = {word: float(number) for number, word in enumerate(sorted(words, key=_rank_word))}
        elif is_few:
            categories[name] = sorted(words)
    return Texts(values, categories)


def read_texts(column: pd.Series, numbers: Mapping[str, float]) -> tuple[pd.Series, pd.Series]:
    """Read a column of words as numbers; cells that are numbers stay as they are.

    Args:
        column: Words, with missing values where a cell stands for no value, shape (rows,).
        numbers: Number of each word, in capitals or not.

    Returns:
        The column, None where a word has no number; and these words, with the rows' positions as index.
    """
    by_word = {word.strip().casefold(): number for word, number in numbers.items()}
    cells = column.reset_index(drop=True).astype(object)
    keys = cells.map(lambda cell: str(cell).strip().casefold() if isinstance(cell, (str, bool)) else None)
    known = keys.map(by_word)
    is_word = keys.notna()
    is_unknown = is_word & known.isna() & as_numbers(cells).isna()
    read = cells.where(~(is_word & known.notna()), known).where(~is_unknown, None)
    unknown = cells[is_unknown].map(lambda cell: str(cell).strip()).astype(object)
    return read.set_axis(column.index, axis=0), unknown


def report_texts(texts: Texts) -> tuple[Finding, ...]:
    """Return the findings `two_valued_text` and `text_categories`, if there are such columns."""
    findings = []
    two = {name: dict(words) for name, words in texts.values.items() if len(words) == 2}
    if two:
        parts = [
            f"{name} ({', '.join(f'{word} = {number:g}' for word, number in words.items())})"
            for name, words in two.items()
        ]
        message = (
            f"Sensors of two words are read as 0 and 1: {'; '.join(parts)}. For other numbers set "
            "`readings.text_values`."
        )
        findings.append(
            Finding(check="two_valued_text", message=message, columns=tuple(two), details={"values": two})
        )
    if texts.categories:
        parts = [f"{name} ({len(words)} words)" for name, words in texts.categories.items()]
        message = (
            f"Columns of a few words are used as categories: {', '.join(parts)}. To leave one out, list it "
            "in `readings.drop_columns`."
        )
        details = {"words": {name: list(words) for name, words in texts.categories.items()}}
        columns = tuple(texts.categories)
        findings.append(Finding(check="text_categories", message=message, columns=columns, details=details))
    return tuple(findings)


def _list_words(column: pd.Series, decimal: str) -> list[str]:
    """List the words of a column as first written; none if it holds numbers."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return ["False", "True"]
    if pd.api.types.is_any_real_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(
        column.dtype
    ):
        return []
    cells = column.dropna()
    is_flag = cells.map(lambda cell: isinstance(cell, bool))
    is_number = as_numbers(cells, decimal).notna() & ~is_flag
    is_measured = is_number & ~as_numbers(cells, decimal).isin([0, 1])
    if not len(cells) or is_measured.any() or is_number.mean() > NUMBERS_SHARE_AT_MOST:
        return []
    words: dict[str, str] = {}
    for word in cells.map(lambda cell: str(cell).strip()).unique():
        words.setdefault(word.casefold(), word)
        if len(words) > CATEGORIES_AT_MOST:
            break
    return list(words.values())


def _rank_word(word: str) -> tuple[int, str]:
    known = word.casefold()
    return (0 if known in LOW_WORDS else 2 if known in HIGH_WORDS else 1, known)
