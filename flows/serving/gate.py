"""Middleware for every request: token check, metrics, access log, and the handling of defects."""

from __future__ import annotations

import hmac
import json
import sys
import time
import traceback
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.serving.metrics import Metrics

OPEN_PATHS = ("/health", "/ready")
_FIRST_ERROR_STATUS = 400


class Gate:
    """An ASGI application that wraps another one."""

    def __init__(self, app: ASGIApp, metrics: Metrics, token: str | None, access_log: str) -> None:
        """Wrap `app`.

        Args:
            app: The application that answers.
            metrics: The service's metrics.
            token: Bearer token that requests must send, or none if access is open.
            access_log: `all`, `problems` or `none`.
        """
        self._app = app
        self._metrics = metrics
        self._credentials = None if token is None else f"Bearer {token}".encode()
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, statuses = time.perf_counter(), []

        async def note_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        with self._metrics.in_flight.track_inprogress():
            try:
                answer = self._app if self._is_authorized(scope) else _answer_unauthorized()
                await answer(scope, receive, note_status)
            except Exception:  # noqa: BLE001 - a defect must not stop the service
                _log({"event": "defect", "path": scope["path"], "traceback": traceback.format_exc()})
                if not statuses:
                    await _answer_defect()(scope, receive, note_status)
        self._record(scope, statuses[0] if statuses else 0, time.perf_counter() - begin)

    def _is_authorized(self, scope: Scope) -> bool:
        if self._credentials is None or scope["path"] in OPEN_PATHS:
            return True
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        return hmac.compare_digest(given, self._credentials)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.count_request(route, scope["method"], status, seconds)
        # a readiness probe before the version is loaded is not a problem
        is_problem = not 0 < status < _FIRST_ERROR_STATUS and scope["path"] not in OPEN_PATHS
        if self._access_log == "all" or (self._access_log == "problems" and is_problem):
            client = scope.get("client") or ("", 0)
            _log(
                {
                    "event": "request",
                    "method": scope["method"],
                    "path": scope["path"][:200],
                    "status": status,
                    "milliseconds": round(1000 * seconds, 1),
                    "client": client[0],
                }
            )


def _answer_unauthorized() -> JSONResponse:
    detail = "Expected the header `Authorization: Bearer TOKEN` with the token of this service."
    return JSONResponse({"detail": detail}, 401, headers={"WWW-Authenticate": "Bearer"})


def _answer_defect() -> JSONResponse:
    return JSONResponse({"detail": "Internal error. The service's standard error has the traceback."}, 500)


def _log(entry: dict[str, Any]) -> None:
    """Write one line of JSON to standard error."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps({"at": stamp, **entry}), file=sys.stderr, flush=True)
