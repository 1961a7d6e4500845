"""The token, the metrics, the log, and what a defect comes to."""

from __future__ import annotations

import json

import pytest

from flows.serving import service as service_module
from tests.flows.serving.services import as_rows, make_service, open_client, read_metrics, small_table

TOKEN = "secret"  # noqa: S105 - of these tests alone
PATHS = ("/model", "/metrics", "/docs", "/openapi.json", "/example", "/nowhere")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "header", [None, "Bearer wrong", "Bearer secret1", "secret", "Basic secret", "Bearer "]
)
def test_without_the_token_nothing_is_told(path: str, header: str | None) -> None:
    with open_client(make_service(), token=TOKEN) as client:
        answer = client.get(path, headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_without_the_token_nothing_is_scored_or_forgotten() -> None:
    with open_client(make_service(), token=TOKEN) as client:
        assert client.post("/score", json={"rows": as_rows(small_table(0, 6))}).status_code == 401
        assert client.delete("/sessions/PM1").status_code == 401


def test_with_the_token_everything_is_answered() -> None:
    with open_client(make_service(), token=TOKEN) as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        assert client.post("/score", json={"rows": as_rows(small_table(0, 6))}).status_code == 200
        assert [client.get(path).status_code for path in PATHS] == [200, 200, 200, 200, 200, 404]


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_whether_it_lives_and_is_ready_is_told_to_all(path: str) -> None:
    with open_client(make_service(), token=TOKEN) as client:
        assert client.get(path).status_code == 200


def test_before_a_version_is_loaded_it_lives_and_is_not_ready() -> None:
    service = make_service()
    service.holder.served = None
    with open_client(service) as client:
        statuses = [client.get(path).status_code for path in ("/health", "/ready", "/model", "/example")]
        refused = client.post("/score", json={"rows": as_rows(small_table(0, 6))})
        assert client.get("/openapi.json").status_code == 200
    assert statuses == [200, 503, 503, 503]
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


def test_the_metrics_count_requests_rows_and_alarms() -> None:
    with open_client(make_service()) as client:
        answer = client.post("/score", json={"rows": as_rows(small_table(0, 400))}).json()
        client.post("/score", json={"rows": []})
        client.get("/nowhere/at/all")
        metrics = read_metrics(client)
    assert metrics["forewarn_rows_scored_total"] == 400
    assert metrics["forewarn_alarms_total"] == sum(row["alarm"] for row in answer["rows"]) > 0
    assert metrics['forewarn_scored_requests_total{version="1"}'] == 1
    assert metrics['forewarn_requests_total{method="POST",route="/score",status="200"}'] == 1
    assert metrics['forewarn_requests_total{method="POST",route="/score",status="422"}'] == 1
    assert metrics['forewarn_requests_total{method="GET",route="other",status="404"}'] == 1
    assert metrics['forewarn_request_seconds_count{route="/score"}'] == 2
    assert metrics['forewarn_model_info{model="forewarn",version="1"}'] == 1
    assert metrics["forewarn_requests_in_flight"] == 1


def test_a_defect_is_an_answer_a_log_line_and_not_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch, open_client(make_service()) as client:
        patch.setattr(service_module, "score_readings", lambda *_: 1 / 0)
        broken = client.post("/score", json={"rows": as_rows(small_table(0, 6))})
        patch.undo()
        assert client.post("/score", json={"rows": as_rows(small_table(0, 6))}).status_code == 200
    assert broken.status_code == 500
    assert "Internal error" in broken.json()["detail"]
    assert "ZeroDivisionError" in json.loads(capsys.readouterr().err.splitlines()[0])["traceback"]


@pytest.mark.parametrize(
    ("access_log", "logged"), [("all", [200, 404, 503]), ("problems", [404]), ("none", [])]
)
def test_the_access_log_has_a_line_of_json_for_each_request_that_it_is_about(
    access_log: str, logged: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    service = make_service(access_log=access_log)
    with open_client(service) as client:
        client.get("/model")
        client.get("/nowhere")
        service.is_stopping = True
        client.get("/ready")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["status"] for line in lines] == logged
    assert all(line["event"] == "request" and line["milliseconds"] >= 0 for line in lines)
