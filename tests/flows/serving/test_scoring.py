"""Scores over HTTP are those of `score_readings`, and bad rows are refused in its words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from tasks.scoring.score import score_readings
from tests.flows.serving.services import as_rows, make_service, open_client, small_detector, small_table


@pytest.fixture
def client() -> Iterator[TestClient]:
    with open_client(make_service()) as client:
        yield client


def post(client: TestClient, rows: list[dict[str, Any]], machine: str | None = None) -> list[dict[str, Any]]:
    answer = client.post("/score", json={"rows": rows, "machine": machine})
    assert answer.status_code == 200, answer.text
    scored: list[dict[str, Any]] = answer.json()["rows"]
    return scored


def require_equal(answered: list[dict[str, Any]], scored: pd.DataFrame) -> None:
    scores = [None if math.isnan(score) else score for score in scored["score"]]
    assert [row["score"] for row in answered] == scores
    assert [row["threshold"] for row in answered] == scored["threshold"].tolist()
    assert [row["alarm"] for row in answered] == scored["alarm"].tolist()
    assert [row["top_sensors"] for row in answered] == scored["top_sensors"].tolist()
    times = np.array([row["time"] for row in answered], dtype="datetime64[ns]")
    assert (times == scored["time"].to_numpy()).all()


def test_the_rows_of_a_request_score_as_detect_events_scores_them(client: TestClient) -> None:
    table = small_table(0, 400)
    assert table["y"].sum() > 0
    scored = score_readings(*small_detector(), table)
    assert scored["alarm"].any()
    require_equal(post(client, as_rows(table)), scored)


def test_row_by_row_in_a_session_gives_the_scores_of_the_whole_across_gaps_and_events(
    client: TestClient,
) -> None:
    table = pd.concat([small_table(0, 250), small_table(275, 300)], ignore_index=True)
    assert table["y"].iloc[250:].sum() > 0
    rows = as_rows(table)
    answered = post(client, rows[:230], "PM1")
    for row in rows[230:]:
        answered += post(client, [row], "PM1")
    require_equal(answered, score_readings(*small_detector(), table))


def test_machines_have_histories_of_their_own(client: TestClient) -> None:
    rows = as_rows(small_table(0, 30))
    post(client, rows[:29], "PM1")
    assert post(client, rows[29:], "PM1")[0]["score"] is not None
    assert post(client, rows[29:], "PM2")[0]["score"] is None


def test_an_alarm_names_its_drivers_as_a_list(client: TestClient) -> None:
    alarms = [row for row in post(client, as_rows(small_table(0, 400))) if row["alarm"]]
    assert all(isinstance(row["drivers"], list) for row in alarms)
    assert {"sensor", "share"} <= alarms[0]["drivers"][0].keys()


def test_a_row_without_history_has_no_score_and_no_alarm(client: TestClient) -> None:
    (row,) = post(client, as_rows(small_table(0, 1)))
    assert (row["score"], row["alarm"], row["top_sensors"], row["drivers"]) == (None, False, "", [])


def test_labels_are_not_needed_and_other_columns_do_no_harm(client: TestClient) -> None:
    table = small_table(60, 90)
    assert table["y"].sum() == 0
    rows = [{**row, "operator": "night", "notes": ["a"]} for row in as_rows(table.drop(columns="y"))]
    require_equal(post(client, rows), score_readings(*small_detector(), table))


def test_a_label_may_come_with_some_rows_of_a_session_alone(client: TestClient) -> None:
    rows = as_rows(small_table(0, 20))
    for row in rows[:10]:
        del row["y"]
    first = post(client, rows[:10], "PM1")
    assert post(client, rows[10:], "PM1")[-1]["score"] is not None
    assert len(first) == 10


def spoil(number: int, column: str, value: Any) -> list[dict[str, Any]]:
    rows = as_rows(small_table(0, 10))
    rows[number][column] = value
    return rows


def spoil_two(value: Any) -> list[dict[str, Any]]:
    rows = spoil(3, "x2", value)
    rows[3]["x3"] = None
    return rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "Expected at least one row of readings"),
        ([{}], "Expected every column that the model was trained on. rows lacks time"),
        ([{"time": "2024-01-01T00:00:00"}], "rows lacks x1, x2"),
        (spoil(3, "x2", "abc"), "x2: text where a number is expected, 1 row, first in row 3: 'abc'"),
        (spoil_two(None), "x2: missing value, 1 row, first in row 3"),
        (spoil_two(math.nan), "x2: missing value, 1 row, first in row 3"),
        (spoil_two("I/O Timeout"), "x2: missing value, 1 row, first in row 3"),
        (spoil(3, "x2", math.inf), "x2: infinite value, 1 row, first in row 3"),
        (spoil(3, "x2", 10**400), "x2: infinite value, 1 row, first in row 3"),
        (spoil(3, "x2", 10**30), "at most 1e+15 in every sensor. Received 1e+30 as x2 of row 3"),
        (spoil(3, "x2", [1.0]), "Received a list as x2 of row 3"),
        (spoil(3, "x2", {"value": 1.0}), "Received an object as x2 of row 3"),
        (spoil(3, "x28", "a" * 200), "at most 100 characters. Received 200 as x28 of row 3"),
        (spoil(3, "time", "yesterday"), "time: not a time, 1 row, first in row 3: 'yesterday'"),
        (spoil(3, "time", None), "time: not a time, 1 row, first in row 3"),
        (spoil(3, "time", 12), "time: not a time"),
        (spoil(3, "time", "1900-01-01T00:00:00"), "time"),
        (spoil(3, "y", 7), "y: neither 0 nor 1, 1 row, first in row 3: 7"),
    ],
)
@pytest.mark.parametrize("machine", [None, "PM1"])
def test_rows_at_fault_are_refused_in_the_words_of_the_schema_check(
    client: TestClient, rows: list[dict[str, Any]], words: str, machine: str | None
) -> None:
    body = json.dumps({"rows": rows, "machine": machine})
    answer = client.post("/score", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("machine", [None, "PM1"])
def test_a_dead_sensor_is_named_in_the_answer_and_refuses_nothing(
    client: TestClient, machine: str | None
) -> None:
    rows = as_rows(small_table(0, 20))
    rows[10]["x2"] = None
    for row in rows[15:]:
        row["x2"] = "Bad"
    scored = post(client, rows, machine)
    assert [row["missing_sensors"] for row in scored] == [""] * 10 + ["x2"] * 10
    assert all(row["score"] is not None for row in scored[10:])


def test_a_session_goes_on_without_the_column_of_one_sensor(client: TestClient) -> None:
    rows = as_rows(small_table(0, 20))
    post(client, rows[:10], "PM1")
    for row in rows[10:]:
        del row["x2"]
    scored = [post(client, [row], "PM1")[0] for row in rows[10:]]
    assert {row["missing_sensors"] for row in scored} == {"x2"}
    assert all(row["score"] is not None for row in scored)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("[" * 5_000, "Invalid JSON"),
        ('{"rows": [{"time": "\\ud800"}]}', "Invalid JSON"),
        ("[]", "should be an object"),
        ("{}", "rows: Field required"),
        ('{"rows": {}}', "rows: Input should be a valid array"),
        ('{"rows": [1]}', "rows.0: Input should be an object"),
        ('{"rows": [], "machine": 5}', "machine: Input should be a valid string"),
        ('{"rows": [], "machine": ""}', "machine: String should have at least 1 character"),
        ('{"rows": [], "machines": "PM1"}', "machines: Extra inputs are not permitted"),
    ],
)
def test_a_body_of_another_form_is_refused_with_an_example(client: TestClient, body: str, words: str) -> None:
    answer = client.post("/score", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Expected JSON such as")
    assert words in answer.json()["detail"]


def test_a_request_that_is_sent_again_gets_the_same_answer(client: TestClient) -> None:
    rows = as_rows(small_table(0, 40))
    post(client, rows[:30], "PM1")
    assert post(client, rows[30:35], "PM1") == post(client, rows[30:35], "PM1")
    both = post(client, rows[30:35], "PM1") + post(client, rows[35:], "PM1")
    require_equal(both, score_readings(*small_detector(), small_table(0, 40)).iloc[30:])


@pytest.mark.parametrize(
    ("again", "words"),
    [(slice(29, 30), "same time as an earlier row"), (slice(5, 6), "earlier than the row above")],
)
def test_rows_that_are_not_later_are_refused_and_change_nothing(
    client: TestClient, again: slice, words: str
) -> None:
    rows = as_rows(small_table(0, 31))
    post(client, rows[:30], "PM1")
    answer = client.post("/score", json={"rows": rows[again], "machine": "PM1"})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    scored = score_readings(*small_detector(), small_table(0, 31))
    require_equal(post(client, rows[30:], "PM1"), scored.iloc[30:])


@pytest.mark.parametrize(("place", "number"), [(5, 0), (19, 0), (15, 1)])
def test_the_rows_of_a_request_are_numbered_without_the_history_of_the_session(
    client: TestClient, place: int, number: int
) -> None:
    rows = as_rows(small_table(0, 25))
    post(client, rows[:20], "PM1")
    request = [*rows[20 : 20 + number], rows[place]]
    answer = client.post("/score", json={"rows": request, "machine": "PM1"})
    assert answer.status_code == 422
    assert f"first in row {number}: " in answer.text


def test_a_machine_that_is_forgotten_begins_anew(client: TestClient) -> None:
    rows = as_rows(small_table(0, 30))
    post(client, rows, "PM/1")
    post(client, rows, "PM1")
    assert client.delete("/sessions/PM1").status_code == 204
    assert client.delete("/sessions/PM1").status_code == 404
    assert post(client, rows[29:], "PM1")[0]["score"] is None


def test_the_example_scores(client: TestClient) -> None:
    answer = client.post("/score", json=client.get("/example").json())
    assert answer.status_code == 200
    assert answer.json()["rows"][-1]["score"] is not None


def test_the_answer_names_the_version(client: TestClient) -> None:
    answer = client.post("/score", json={"rows": as_rows(small_table(0, 5)), "machine": "PM1"}).json()
    assert (answer["model"], answer["version"], answer["machine"]) == ("forewarn", "1", "PM1")


def test_the_model_says_what_a_row_must_have(client: TestClient) -> None:
    model = client.get("/model").json()
    assert model["columns"] == ["time", *[f"x{number}" for number in range(1, 10)], "x28"]
    assert model["window_rows"] == small_detector()[0].window_rows
    assert model["threshold_rule"] == "adaptive_budget"


def test_the_description_has_the_columns_of_the_version(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    body = described["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]
    row = body["schema"]["properties"]["rows"]["items"]
    assert "x9" in row["required"]
    assert "y" not in row["required"]
    assert client.post("/score", json=body["examples"]["rows"]["value"]).status_code == 200


def at_interval(table: pd.DataFrame, minutes: float, begin: str = "2024-05-01") -> list[dict[str, Any]]:
    times = pd.date_range(begin, periods=len(table), freq=pd.Timedelta(minutes=minutes))
    return as_rows(table.assign(time=times.strftime("%Y-%m-%dT%H:%M:%S")))


@pytest.mark.parametrize("machine", [None, "PM1"])
@pytest.mark.parametrize(("minutes", "words"), [(10, "every 10 minutes"), (0.5, "every 0.5 minutes")])
def test_rows_at_another_interval_are_refused_with_both_intervals(
    client: TestClient, machine: str | None, minutes: float, words: str
) -> None:
    rows = at_interval(small_table(0, 20), minutes)
    answer = client.post("/score", json={"rows": rows, "machine": machine})
    assert answer.status_code == 422
    assert "about every 2 minutes" in answer.json()["detail"]
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("minutes", [10, 0.5])
def test_single_rows_at_another_interval_are_refused_once_they_show_it(
    client: TestClient, minutes: float
) -> None:
    post(client, at_interval(small_table(0, 20), 2), "PM1")
    later = at_interval(small_table(20, 24), minutes, begin="2024-05-01T00:40:00")
    answers = [client.post("/score", json={"rows": [row], "machine": "PM1"}) for row in later]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 422]
    usual = at_interval(small_table(24, 25), 2, begin="2024-05-01T01:40:00")
    assert post(client, usual, "PM1")[0]["score"] is None


def test_a_session_survives_gaps_and_missing_rows(client: TestClient) -> None:
    rows = at_interval(small_table(0, 60), 2)
    for row in [*rows[:10], *rows[15:18], *rows[30:34], *rows[36:40:2], *rows[50:]]:
        post(client, [row], "PM1")
