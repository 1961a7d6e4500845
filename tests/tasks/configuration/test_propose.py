"""Settings that were given or found are written so that `--config` takes them."""

from pathlib import Path

import pytest

from schemas.configuration import Configuration
from schemas.errors import InputError
from tasks.configuration.configure import configure
from tasks.configuration.propose import add_found_settings, list_own_settings, write_settings

GIVEN = (
    "readings.label_column=trip",
    "readings.missing_words=default,-9999",
    "readings.limits={s7: [0, null]}",
    "readings.drop_columns=a b,c%",
    "labels.rows_ahead=4",
    "model.family=pca_t2",
)


def test_only_settings_that_differ_from_the_defaults_are_listed() -> None:
    assert list_own_settings(Configuration()) == {}
    assert list_own_settings(configure(None, None, ["labels.rows_ahead=4"])) == {"labels": {"rows_ahead": 4}}


def test_default_words_are_written_as_default() -> None:
    settings = configure(None, None, ["readings.missing_words=default,-9999"])
    assert list_own_settings(settings) == {"readings": {"missing_words": ["default", "-9999"]}}


def test_written_settings_give_the_same_configuration(tmp_path: Path) -> None:
    settings = add_found_settings(configure(None, None, GIVEN), {"readings.day_first": True})
    file = tmp_path / "settings.yaml"
    file.write_text(write_settings(list_own_settings(settings)), encoding="utf-8")
    assert configure(None, file, []) == settings


def test_a_preset_is_kept(tmp_path: Path) -> None:
    settings = configure("lecture-lstm", None, ["labels.rows_ahead=4"])
    file = tmp_path / "settings.yaml"
    file.write_text(write_settings(list_own_settings(settings)), encoding="utf-8")
    assert configure(None, file, []) == settings


def test_found_settings_are_marked_and_proposed_ones_are_comments() -> None:
    own = {"readings": {"day_first": True, "time_column": "zeit"}}
    written = write_settings(own, ["readings.day_first"], [("readings.missing_words", ["-9999"], "likely")])
    assert written.splitlines() == [
        "readings:",
        "  day_first: true  # found in the table",
        "  time_column: zeit",
        "# proposed by the finding likely: readings.missing_words: ['-9999']",
    ]


def test_without_settings_the_file_is_still_one_that_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(write_settings({}), encoding="utf-8")
    assert configure(None, file, []) == Configuration()


def test_a_found_setting_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(InputError, match="colour"):
        add_found_settings(Configuration(), {"readings.colour": "red"})
