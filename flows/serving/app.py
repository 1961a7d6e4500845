"""The routes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from flows.serving.gate import Gate
from flows.serving.limits import read_body, refuse_for_now, require_json
from flows.serving.model import ServedVersion, describe_served
from flows.serving.rows import invent_rows
from flows.serving.service import Service
from schemas.errors import InputError
from schemas.service import ModelAnswer, ProblemAnswer, ScoreAnswer, StatusAnswer
from tasks.times.time_columns import list_time_columns

_SWEEP_SECONDS = 30.0
_JSON = "application/json"
_PROBLEM_WORDS = {
    400: "The body is incomplete.",
    401: "The token is missing or wrong.",
    404: "The machine is unknown.",
    408: "The body arrived too slowly.",
    413: "The body is too large.",
    415: "The content type of the body is not JSON.",
    422: "The request or its rows are invalid.",
    503: "Temporarily unavailable: try again soon.",
}
_DESCRIPTION = """\
Scores raw sensor readings with a registered version, and follows its alias.

Without `machine`, the rows of a request are one table, which must contain the history of the rows to score.
With `machine`, the last rows are kept, so that the next request may hold a single row.
"""


def make_app(service: Service, token: str | None = None) -> FastAPI:
    """Make the application.

    Args:
        service: State shared by the routes.
        token: Bearer token that requests must send, or none.
    """
    app = FastAPI(
        title="forewarn",
        description=_DESCRIPTION,
        lifespan=lambda _: _live(service),
        responses=_describe_problems(401) if token is not None else None,
    )
    _add_routes_of_state(app, service)
    _add_routes_of_scores(app, service)
    app.exception_handler(InputError)(_answer_input_error)
    app.exception_handler(RequestValidationError)(_answer_parameter_error)
    app.add_middleware(Gate, metrics=service.metrics, token=token, access_log=service.section.access_log)
    app.openapi = _describe_with_columns(app, service)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


@contextlib.asynccontextmanager
async def _live(service: Service) -> AsyncIterator[None]:
    """Drop idle sessions periodically while the service runs."""

    async def sweep() -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            service.sessions.drop_idle()

    sweeping = asyncio.create_task(sweep())
    yield
    service.is_stopping = True
    sweeping.cancel()
    service.close()


def _add_routes_of_state(app: FastAPI, service: Service) -> None:
    @app.get("/health", summary="Whether the process answers", tags=["state"])
    async def health() -> StatusAnswer:
        return StatusAnswer(status="alive")

    @app.get(
        "/ready",
        summary="Whether requests should be sent here",
        responses=_describe_problems(503),
        tags=["state"],
    )
    async def ready() -> StatusAnswer:
        if service.is_stopping:
            raise refuse_for_now("The service is stopping. Send requests to another instance.")
        service.require_served()
        return StatusAnswer(status="ready")

    @app.get("/model", summary="The version that scores", responses=_describe_problems(503), tags=["state"])
    async def model() -> ModelAnswer:
        return describe_served(service.holder, service.require_served())

    @app.get("/metrics", summary="Metrics for Prometheus", response_class=Response, tags=["state"])
    async def metrics() -> Response:
        served = service.holder.served
        name, version = (served.name, served.version) if served else (None, None)
        return Response(service.metrics.write(name, version), media_type=CONTENT_TYPE_LATEST)

    @app.get("/example", summary="An example request", responses=_describe_problems(503), tags=["scores"])
    async def example() -> dict[str, Any]:
        return {"rows": invent_rows(service.require_served().detector)}


def _add_routes_of_scores(app: FastAPI, service: Service) -> None:
    section = service.section

    @app.post(
        "/score",
        summary="Score rows",
        response_class=Response,
        responses={
            200: {"model": ScoreAnswer, "description": "Every row, scored."},
            **_describe_problems(400, 408, 413, 415, 422, 503),
        },
        tags=["scores"],
    )
    async def score(request: Request) -> Response:
        require_json(request)
        body = await read_body(request, section.body_bytes_at_most, section.body_seconds)
        return Response(await service.score(body), media_type=_JSON)

    @app.delete(
        "/sessions/{machine}",
        summary="Forget a machine's last rows",
        status_code=204,
        responses=_describe_problems(404, 422),
        tags=["scores"],
    )
    async def end_session(
        machine: str = Path(min_length=1, max_length=section.machine_characters_at_most),
    ) -> Response:
        if service.sessions.end(machine):
            return Response(status_code=204)
        return JSONResponse({"detail": "No session of this machine exists."}, 404)


def _describe_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ProblemAnswer, "description": _PROBLEM_WORDS[status]} for status in statuses}


async def _answer_input_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 422)


async def _answer_parameter_error(request: Request, error: Exception) -> Response:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    lines = [f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in problems]
    return JSONResponse({"detail": "The request is not valid: " + "; ".join(lines)}, 422)


def _describe_with_columns(app: FastAPI, service: Service) -> Callable[[], dict[str, Any]]:
    """Make the OpenAPI description, with the columns that the loaded version expects in a row."""

    def describe() -> dict[str, Any]:
        described = get_openapi(title=app.title, version="1", description=app.description, routes=app.routes)
        body = service.request_model.model_json_schema()
        example: dict[str, Any] = {"rows": [{"time": "2024-01-01T00:00:00", "x1": 1.0}]}
        served = service.holder.served
        if served is not None:
            body["properties"]["rows"]["items"] = describe_row(served)
            example = {"rows": invent_rows(served.detector)}
        content = {"schema": body, "examples": {"rows": {"value": example}}}
        described["paths"]["/score"]["post"]["requestBody"] = {"required": True, "content": {_JSON: content}}
        return described

    return describe


def describe_row(served: ServedVersion) -> dict[str, Any]:
    """Describe a row of input to a version as a JSON schema."""
    detector = served.detector
    times, example = list_time_columns(detector.readings), invent_rows(detector)[0]
    columns: dict[str, Any] = {
        **{name: {"type": "string", "examples": [example[name]]} for name in times},
        **{name: {"type": "number"} for name in detector.sensors},
        **{name: {"type": ["number", "string"]} for name in detector.categories},
    }
    required = list(columns)
    if detector.readings.label_column is not None:
        columns[detector.readings.label_column] = (
            {"type": ["string", "number", "null"]} if detector.positive_values else {"enum": [0, 1, None]}
        )
    return {"type": "object", "properties": columns, "required": required, "additionalProperties": True}
