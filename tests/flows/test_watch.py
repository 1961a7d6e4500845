"""The rows that the monitor looks at: checked as in training, scored by the champion, labels come late."""

import numpy as np
import pandas as pd
import pytest

from schemas.detector import Detector
from schemas.errors import InputError
from schemas.model import FittedModel
from schemas.monitoring import WatchedVersion
from schemas.readings import RawTable
from tasks.monitor.watch import check_watched_table, score_watched_rows
from tasks.scoring.score import score_readings
from tests.detectors import make_detector, simulated_table

ROWS = 300
VERSION = WatchedVersion(
    name="watched",
    number="1",
    last_seen="1999-05-01T02:00:00",
    train_end="1999-05-01T01:00:00",
    rows_ahead=2,
    train_median_score=1.0,
    normal_median_score=1.0,
    promised_false_alarms_per_day=5.0,
)


@pytest.fixture(scope="module")
def champion() -> tuple[Detector, FittedModel]:
    return make_detector()


def raw_with(table: pd.DataFrame) -> RawTable:
    return RawTable(table, "new.csv", "0" * 64)


def test_every_row_has_the_score_that_the_version_gives(champion: tuple[Detector, FittedModel]) -> None:
    detector, model = champion
    raw = raw_with(simulated_table().head(ROWS))
    readings, labelled_stop = check_watched_table(raw, detector.readings, detector)
    watched = score_watched_rows(VERSION, detector, model, raw, readings, labelled_stop)
    expected = score_readings(detector, model, raw.table).iloc[watched.labelled.source_rows]
    assert watched.scores.tolist() == pytest.approx(expected["score"].tolist(), nan_ok=True, abs=0)
    assert watched.thresholds.tolist() == expected["threshold"].tolist()
    # the run of rows that holds the last seen one is not new
    seen = watched.labelled.times <= np.datetime64("1999-05-01T02:00")
    assert watched.start == (watched.labelled.runs <= watched.labelled.runs[seen][-1]).sum()
    assert watched.labelled_stop == len(watched.scores)


def test_a_table_with_other_names_is_read_as_configured(champion: tuple[Detector, FittedModel]) -> None:
    detector, model = champion
    table = simulated_table().head(ROWS)
    section = detector.readings.model_copy(update={"time_column": "when", "label_column": "break"})
    raw = raw_with(table.rename(columns={"time": "when", "y": "break"}))
    readings, stop = check_watched_table(raw, section, detector)
    watched = score_watched_rows(VERSION, detector, model, raw, readings, stop)
    expected = score_readings(detector, model, table)["score"].to_numpy()[watched.labelled.source_rows]
    assert watched.scores.tolist() == pytest.approx(expected.tolist(), nan_ok=True, abs=0)


def test_labels_that_are_missing_at_the_end_are_not_known_yet(
    champion: tuple[Detector, FittedModel],
) -> None:
    table = simulated_table().head(ROWS).astype({"y": float})
    table.loc[250:, "y"] = np.nan
    readings, labelled_stop = check_watched_table(raw_with(table), champion[0].readings, champion[0])
    assert labelled_stop == 250
    assert not readings.events[250:].any()
    assert np.isnan(table["y"].iloc[-1])


def test_a_label_that_is_missing_elsewhere_fails_the_schema(champion: tuple[Detector, FittedModel]) -> None:
    table = simulated_table().head(ROWS).astype({"y": float})
    table.loc[100, "y"] = np.nan
    with pytest.raises(InputError, match="y: missing"):
        check_watched_table(raw_with(table), champion[0].readings, champion[0])


def test_a_version_that_does_not_say_what_it_has_seen_has_no_new_rows(
    champion: tuple[Detector, FittedModel],
) -> None:
    detector, model = champion
    raw = raw_with(simulated_table().head(ROWS))
    readings, stop = check_watched_table(raw, detector.readings, detector)
    version = VERSION.model_copy(update={"last_seen": None})
    watched = score_watched_rows(version, detector, model, raw, readings, stop)
    assert watched.start == len(watched.scores)
