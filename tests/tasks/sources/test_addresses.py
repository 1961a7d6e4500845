"""Names of sources, without passwords."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import InputError
from tasks.sources.addresses import (
    is_database,
    is_pattern,
    make_absolute,
    name_source,
    parse_address,
    take_password,
)

PASSWORD = "se cret/@%"  # noqa: S105 - with what an address must escape
ADDRESS = "postgresql://app:se%20cret%2F%40%25@host:5432/plant"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("readings.csv", "readings.csv"),
        ("-", "standard input"),
        (ADDRESS, "postgresql://app:***@host:5432/plant"),
        ("sqlite:///plant.db", "sqlite:///plant.db"),
    ],
)
def test_a_source_is_named_without_its_password(source: str, name: str) -> None:
    assert name_source(source) == name


@pytest.mark.parametrize("key", ["password", "sslpassword", "token", "odbc_connect"])
def test_secrets_in_the_query_of_an_address_are_hidden(key: str) -> None:
    assert "secret" not in name_source(f"postgresql://app@host/plant?{key}=secret")


@pytest.mark.parametrize("source", [ADDRESS, "postgresql://app@host:5432/plant?password=se+cret%2F%40%25"])
def test_the_password_of_an_address_moves_to_the_environment(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREWARN_DATA_PASSWORD", "")
    import os

    assert take_password(source) == "postgresql://app@host:5432/plant"
    assert os.environ["FOREWARN_DATA_PASSWORD"] == PASSWORD


@pytest.mark.parametrize("source", ["readings.csv", "-", "sqlite:///plant.db", "postgresql://app@host/plant"])
def test_a_source_without_a_password_stays_as_it_is(source: str) -> None:
    assert take_password(source) == source


def test_an_address_that_cannot_be_parsed_is_not_repeated() -> None:
    with pytest.raises(InputError, match="cannot be parsed") as caught:
        parse_address("postgresql://app:secret@host:port/plant")
    assert "secret" not in str(caught.value)


def test_a_path_of_a_windows_drive_is_no_database() -> None:
    assert not is_database("C:/plant/readings.csv")


def test_a_file_with_the_name_of_a_pattern_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "readings [1].csv"
    assert is_pattern(path)
    path.touch()
    assert not is_pattern(path)


def test_sources_mean_the_same_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sources = ["readings.csv", "2024-*.csv", "-", "sqlite:///plant.db", "postgresql://app@host/plant"]
    assert [make_absolute(source) for source in sources] == [
        str(tmp_path / "readings.csv"),
        str(tmp_path / "2024-*.csv"),
        "-",
        f"sqlite:///{tmp_path}/plant.db",
        "postgresql://app@host/plant",
    ]
