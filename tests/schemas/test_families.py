from pathlib import Path

import pytest

from schemas.configuration import ModelSection
from schemas.errors import InputError
from schemas.families import BUILT_IN, find_entry, list_families, list_packages
from schemas.model import Family
from tasks.configuration.configure import configure
from tasks.models.fit import find_family
from tests.plugins import NAME, write_package


@pytest.fixture
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "site")))


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_name_of_the_table_is_a_family(name: str) -> None:
    assert isinstance(find_family(name), Family)


def test_a_family_that_nothing_brings_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"`model.family`: unknown family 'largest': .*zscore.*Install"):
        configure(settings=["model.family=largest"])


def test_a_join_has_no_join_in_it() -> None:
    with pytest.raises(InputError, match=r"`model.members.0`: a join has no join"):
        configure(settings=["model.members=[join, zscore]"])


@pytest.mark.usefixtures("_package")
def test_the_family_of_an_installed_package_can_be_configured() -> None:
    assert configure(settings=["model.family=largest"]).model.family == "largest"
    assert configure(settings=["model.members=[zscore, largest]"]).model.families == ("zscore", "largest")
    assert list_families() == (*BUILT_IN, "join", "largest")


@pytest.mark.usefixtures("_package")
def test_forms_offer_it() -> None:
    offered = ModelSection.model_json_schema()["properties"]
    assert "largest" in offered["family"]["enum"]
    assert {"join", "largest"} & set(offered["members"]["items"]["enum"]) == {"largest"}


@pytest.mark.usefixtures("_package")
def test_the_package_is_known_by_its_release() -> None:
    assert list_packages(("join", "zscore", "largest")) == {NAME: "1.2.0"}


@pytest.mark.usefixtures("_package")
def test_a_family_that_two_packages_bring_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(write_package(tmp_path / "other", name="other-families")))
    with pytest.raises(ValueError, match=r"one package: other-families, plant-families provide it"):
        find_entry("largest")


@pytest.mark.parametrize(
    ("entry", "words"), [("MISSING", "Importing it failed"), ("Largest", "Received type")]
)
def test_a_package_that_does_not_hold_its_promise_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, words: str
) -> None:
    monkeypatch.syspath_prepend(str(write_package(tmp_path, entry=entry)))
    with pytest.raises(InputError, match=words):
        find_family("largest")
