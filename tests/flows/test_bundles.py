"""Bundles that earlier code has saved: they go on loading, and score as they did then."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from schemas.errors import InputError
from tasks.registry.pyfunc import EarlyWarner

BUNDLES = Path(__file__).parent.parent / "bundles"
FORMAT_2, TWO_VIEWS = BUNDLES / "format-2", BUNDLES / "two-views"
FOLDERS = (
    *(FORMAT_2 / family for family in ("zscore", "pca_t2", "logistic", "join")),
    *(TWO_VIEWS / family for family in ("pca_windows", "pca_raw_t2", "logistic", "join")),
)


def load_bundle(folder: Path) -> EarlyWarner:
    """Load a bundle as MLflow does once it has fetched the artifacts."""
    warner = EarlyWarner()
    artifacts = {"detector": str(folder / "detector.json"), "model": str(folder / "fitted")}
    warner.load_context(SimpleNamespace(artifacts=artifacts))
    return warner


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def tables(request: pytest.FixtureRequest) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What this code says of the rows, and what the code that made the bundle said."""
    folder: Path = request.param
    scored = load_bundle(folder).predict(None, pd.read_csv(folder.parent / "rows.csv"))
    return scored, pd.read_csv(folder / "scores.csv", keep_default_na=False, na_values={"score": [""]})


@pytest.mark.parametrize("column", ["score", "threshold"])
def test_a_bundle_of_earlier_code_gives_the_numbers_that_it_gave(
    tables: tuple[pd.DataFrame, pd.DataFrame], column: str
) -> None:
    np.testing.assert_allclose(tables[0][column], tables[1][column], rtol=1e-9)


@pytest.mark.parametrize("column", ["alarm", "top_sensors"])
def test_a_bundle_of_earlier_code_raises_the_alarms_that_it_raised(
    tables: tuple[pd.DataFrame, pd.DataFrame], column: str
) -> None:
    assert tables[0][column].tolist() == tables[1][column].tolist()


def test_the_bundles_have_alarms_and_moving_thresholds_to_compare(
    tables: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    assert tables[1]["alarm"].sum() >= 5
    assert tables[1]["threshold"].nunique() > 3


@pytest.mark.parametrize("number", [1, 3, None])
def test_a_bundle_of_another_format_is_refused_in_clear_words(tmp_path: Path, number: int | None) -> None:
    content = json.loads((FORMAT_2 / "zscore" / "detector.json").read_text(encoding="utf-8"))
    content["format_version"] = number
    (tmp_path / "detector.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=f"must have format version 2. Received {number}. Load it with"):
        load_bundle(tmp_path)
