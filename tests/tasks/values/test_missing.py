"""Words and numbers that stand for no value are missing values, counted by sensor and word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from tasks.configuration.configure import configure
from tasks.values.missing import blank_missing_words, report_missing_words, write_number

SECTION = ReadingsSection()
NINES = ReadingsSection(missing_words="default,-9999")  # type: ignore[arg-type] # as in `--set`


def blank(cells: list[Any], section: ReadingsSection = SECTION) -> tuple[list[Any], dict[str, int]]:
    """The cells of one sensor afterwards, None for missing, and the words counted."""
    table = pd.DataFrame({"a": cells}, index=range(2, len(cells) + 2))
    before = table.copy(deep=True)
    cleared, counts = blank_missing_words(table, ["a"], section)
    pd.testing.assert_frame_equal(table, before)
    assert cleared.index.equals(table.index)
    return [None if pd.isna(cell) else cell for cell in cleared["a"]], counts.get("a", {})


@pytest.mark.parametrize(
    "word", ["Bad Input", "bad input", " BAD INPUT ", "I/O Timeout", "#N/A", "null", "-"]
)
def test_a_word_for_no_value_is_missing(word: str) -> None:
    assert blank(["1.5", word, "2"]) == ([1.5, None, 2.0], {word.strip(): 1})


def test_blank_text_is_missing() -> None:
    assert blank(["1.5", "  ", ""]) == ([1.5, None, None], {"(blank)": 2})


def test_words_are_counted_by_sensor() -> None:
    table = pd.DataFrame({"a": ["1", "Bad", "Bad"], "b": ["No Data", "2", "Bad"], "c": [1.0, 2.0, 3.0]})
    cleared, counts = blank_missing_words(table, ["a", "b", "c"], SECTION)
    assert counts == {"a": {"Bad": 2}, "b": {"No Data": 1, "Bad": 1}}
    assert cleared["c"] is not None
    (finding,) = report_missing_words(counts, SECTION)
    assert (finding.check, finding.columns, finding.details) == (
        "missing_words",
        ("a", "b"),
        {"words": counts},
    )
    assert "4 cells stand for no value" in finding.message
    assert "a: 2 Bad; b: 1 No Data, 1 Bad" in finding.message


def test_other_text_stays_for_the_schema_check() -> None:
    assert blank(["1.5", "Bad", "open"]) == (["1.5", None, "open"], {"Bad": 1})


def test_a_number_is_missing_once_it_is_listed() -> None:
    assert blank([1.0, -9999.0, 2.0]) == ([1.0, -9999.0, 2.0], {})
    assert blank([1.0, -9999.0, 2.0], NINES) == ([1.0, None, 2.0], {"-9999": 1})


def test_a_number_is_missing_however_it_is_written() -> None:
    cells, counts = blank(["1,5", "-9999,0", "Bad", "-9999"], NINES.model_copy(update={"decimal": ","}))
    assert (cells, counts) == ([1.5, None, None, None], {"-9999": 2, "Bad": 1})


def test_whole_numbers_may_stand_for_no_value() -> None:
    assert blank([7, -9999, 8], NINES) == ([7.0, None, 8.0], {"-9999": 1})


def test_a_table_without_such_cells_stays_the_same() -> None:
    table = pd.DataFrame({"a": [1.0, np.nan], "t": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    assert blank_missing_words(table, ["a", "t", "not there"], NINES) == (table, {})


LIMITED = ReadingsSection(limits={"a": (0.0, 250.0)})


def test_a_value_beyond_its_limits_is_missing() -> None:
    assert blank([0.0, -0.5, 250.0, 251.0, 260.0], LIMITED) == (
        [0.0, None, 250.0, None, None],
        {"below 0": 1, "above 250": 2},
    )


def test_words_and_limits_are_counted_apart() -> None:
    cells, counts = blank(["1", "Bad", "-9999", "x"], NINES.model_copy(update={"limits": {"a": (0.0, None)}}))
    assert (cells, counts) == (["1", None, None, "x"], {"-9999": 1, "Bad": 1})


def test_limits_may_be_open_on_a_side_and_concern_their_sensor_alone() -> None:
    table = pd.DataFrame({"a": [-5.0, 50.0], "b": [-5.0, 50.0]})
    cleared, counts = blank_missing_words(table, ["a", "b"], ReadingsSection(limits={"a": (None, 40.0)}))
    assert counts == {"a": {"above 40": 1}}
    assert cleared["b"].tolist() == [-5.0, 50.0]


def test_missing_and_infinite_values_are_within_no_limits() -> None:
    assert blank([1.0, np.nan, np.inf], LIMITED) == ([1.0, None, None], {"above 250": 1})


def test_limits_are_set_by_sensor() -> None:
    settings = ["readings.limits={s7: [0, 250], s8: [null, 40]}"]
    assert configure(settings=settings).readings.limits == {"s7": (0.0, 250.0), "s8": (None, 40.0)}


@pytest.mark.parametrize(
    ("text", "words"),
    [("{s7: [5, 2]}", "the lowest possible value before the highest"), ("{s7: 3}", "readings.limits.s7")],
)
def test_limits_that_are_none_are_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        configure(settings=[f"readings.limits={text}"])


@pytest.mark.parametrize("value", [-9999.0, 1e30, -3.4028234663852886e38, 9999.99, 0.1 + 0.2])
def test_a_number_is_written_so_that_it_is_found_again(value: float) -> None:
    section = ReadingsSection(missing_words=(write_number(value),))
    assert blank([1.0, value], section) == ([1.0, None], {write_number(value): 1})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-9999", ("-9999",)),
        ("Bad,-9999", ("Bad", "-9999")),
        ("[null, No Data, 1.0e+30]", ("null", "No Data", "1e+30")),
        ("[]", ()),
        ("#N/A", ("#N/A",)),
    ],
)
def test_the_setting_takes_words_and_numbers(text: str, words: tuple[str, ...]) -> None:
    assert configure(settings=[f"readings.missing_words={text}"]).readings.missing_words == words


def test_the_default_words_can_be_kept_with_others() -> None:
    words = configure(settings=["readings.missing_words=default,-9999"]).readings.missing_words
    assert words == (*SECTION.missing_words, "-9999")


def test_words_that_yaml_reads_as_truth_values_are_refused() -> None:
    with pytest.raises(InputError, match="in quotes"):
        configure(settings=["readings.missing_words=[Bad, No]"])
