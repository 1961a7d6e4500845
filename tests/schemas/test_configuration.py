"""What the sections of a configuration hold and derive."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from schemas.configuration import Configuration, LabelsSection


def configuration_with(**sections: dict[str, Any]) -> Configuration:
    return Configuration.model_validate(sections)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Configuration().windows.lookback = 3  # type: ignore[misc]


@pytest.mark.parametrize("section", [name for name in Configuration.model_fields if name != "preset"])
def test_every_section_refuses_unknown_keys(section: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        configuration_with(**{section: {"unknown_key": 1}})


@pytest.mark.parametrize(
    "section",
    [
        *("readings", "labels", "features", "windows", "split", "model"),
        *("training", "threshold", "evaluation", "promotion", "tracking"),
    ],
)
def test_the_sections_of_the_contract_exist(section: str) -> None:
    assert isinstance(getattr(Configuration(), section), BaseModel)


@pytest.mark.parametrize(
    ("rows_ahead", "event_rows", "is_kept"),
    [(2, "auto", False), (0, "auto", True), (2, "keep", True), (2, "drop", False), (0, "keep", True)],
)
def test_event_rows_are_kept_where_that_is_asked_for_or_nothing_else_is_marked(
    rows_ahead: int, event_rows: str, is_kept: bool
) -> None:
    section = LabelsSection.model_validate({"rows_ahead": rows_ahead, "event_rows": event_rows})
    assert section.are_event_rows_kept == is_kept


def test_the_purge_is_as_long_as_labels_look_ahead() -> None:
    assert configuration_with(labels={"rows_ahead": 7}).purge_rows == 7


def test_the_purge_can_be_set() -> None:
    assert configuration_with(labels={"rows_ahead": 2}, split={"purge_rows": 30}).purge_rows == 30


def test_the_dense_autoencoder_takes_windows_of_one_row() -> None:
    configuration = configuration_with(windows={"lookback": 1}, model={"family": "dense_autoencoder"})
    assert configuration.model.family == "dense_autoencoder"


def test_a_fixed_threshold_takes_its_value() -> None:
    assert configuration_with(threshold={"rule": "fixed", "value": 0.3}).threshold.value == 0.3


def test_names_in_one_text_are_parted_at_commas() -> None:
    assert configuration_with(readings={"drop_columns": "a, b,"}).readings.drop_columns == ("a", "b")


def test_every_setting_stands_in_the_yaml() -> None:
    text = Configuration().to_yaml()
    keys = [key for section in Configuration.model_fields for key in getattr(Configuration(), section) or ()]
    assert [key for key, _ in keys if f"  {key}:" not in text] == []
