import pytest
from fastapi import FastAPI
from guard_prefect import read_hosts, require_hosts
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect


@pytest.fixture
def app():
    app = FastAPI()

    @app.get("/")
    def answer() -> str:
        return "answer"

    @app.websocket("/socket")
    async def greet(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    return require_hosts(app, ["prefect", "127.0.0.1"])


@pytest.mark.parametrize("host", ["prefect", "prefect:4200", "127.0.0.1:4200"])
def test_known_hosts_are_answered(app, host):
    assert TestClient(app).get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "prefect.evil.example", "127.0.0.1.evil.example", ""])
def test_other_hosts_are_refused(app, host):
    assert TestClient(app).get("/", headers={"Host": host}).status_code == 400


def test_web_sockets_under_another_host_are_refused(app):
    client = TestClient(app)
    with client.websocket_connect("/socket", headers={"Host": "prefect"}) as socket:
        assert socket.receive_text() == "hello"
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/socket", headers={"Host": "evil"}):
        pass


def test_the_application_itself_answers_under_any_name():
    inner = FastAPI()
    require_hosts(inner, ["prefect"])
    assert TestClient(inner).get("/openapi.json", headers={"Host": "prefect-in-memory"}).status_code == 200


def test_hosts_must_be_named():
    assert read_hosts("a, b ,") == ["a", "b"]
    with pytest.raises(ValueError, match="FOREWARN_PREFECT_HOSTS"):
        read_hosts(" , ")
