"""State shared by the routes: the version, the sessions, the limits and the scoring threads."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from pydantic import ValidationError

from flows.serving.limits import Slots, refuse_for_now
from flows.serving.metrics import Metrics
from flows.serving.model import ModelHolder, ServedVersion
from flows.serving.rows import list_scored_rows, make_table
from flows.serving.sessions import Session, Sessions, score_in_session
from schemas.configuration import ServingSection
from schemas.errors import InputError
from schemas.service import ScoreRequest, limit_request
from schemas.state import ScoringState
from tasks.scoring.score import score_readings
from tasks.times.sampling import require_interval

_PROBLEMS_SHOWN = 5
Result = TypeVar("Result")


class Scored(NamedTuple):
    """A scored request.

    Attributes:
        answer: The answer's body.
        rows: Number of rows in the answer.
        alarms: Number of rows with an alarm.
        state: State to carry over in a session, or none without a session.
    """

    answer: bytes
    rows: int
    alarms: int
    state: ScoringState | None


class Service:
    """State that lives as long as the process; changed by the event loop alone."""

    def __init__(self, section: ServingSection, holder: ModelHolder, metrics: Metrics) -> None:
        """Begin without sessions.

        Args:
            section: Limits.
            holder: Holder of the served version.
            metrics: The service's metrics.
        """
        self.section = section
        self.holder = holder
        self.metrics = metrics
        self.is_stopping = False
        self.sessions = Sessions(section.sessions_at_most, section.session_idle_minutes * 60)
        self.slots = Slots(section.scoring_at_once + section.queue_at_most)
        self.request_model = limit_request(section.rows_at_most, section.machine_characters_at_most)
        self._threads = ThreadPoolExecutor(section.scoring_at_once, "score")
        metrics.watch("forewarn_sessions", "Machines whose last rows are kept.", lambda: len(self.sessions))
        metrics.watch(
            "forewarn_scoring_places_taken", "Requests scored or waiting.", lambda: self.slots.taken
        )

    def require_served(self) -> ServedVersion:
        """Return the served version.

        Raises:
            HTTPException: 503, while no version is loaded.
        """
        if self.holder.served is None:
            raise refuse_for_now("The version is still being loaded. Try again soon.")
        return self.holder.served

    async def score(self, body: bytes) -> bytes:
        """Score a request with the version that is served when the request enters the queue.

        Returns:
            The answer's body.

        Raises:
            InputError: If the request or its rows are invalid.
            HTTPException: 503, if the queue is full.
        """
        served = self.require_served()
        with self.slots.take():
            request = await self._run(lambda: read_request(body, self.request_model))
            if request.machine is None:
                scored = await self._run(lambda: score_alone(served, request))
            else:
                digest = hashlib.sha256(body).digest()
                async with self.sessions.use(request.machine) as session:
                    known = session.find_answer(digest)
                    if known is not None:
                        return known
                    scored = await self._run(lambda: self._score_next(served, session, request))
                    if scored.state is not None:
                        session.keep(scored.state, served.version, digest, scored.answer)
        self.metrics.count_scores(served.version, scored.rows, scored.alarms)
        return scored.answer

    def close(self) -> None:
        """Start no further scoring; requests being scored are finished."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _score_next(self, served: ServedVersion, session: Session, request: ScoreRequest) -> Scored:
        table = make_table(request.rows, served.detector)
        with np.errstate(all="ignore"):
            scored, state = score_in_session(served, session, table, self.section.session_rows_at_most)
        return write_answer(served, request, scored, state)

    async def _run(self, function: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)


def read_request(body: bytes, model: type[ScoreRequest]) -> ScoreRequest:
    """Read a body.

    Raises:
        InputError: If the body is not JSON, or JSON of another form.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        lines = [
            f"  {'.'.join(str(part) for part in problem['loc']) or 'body'}: {problem['msg']}"
            for problem in found[:_PROBLEMS_SHOWN]
        ]
        raise InputError(
            'Expected JSON such as {"rows": [{"time": "2024-01-01T00:00:00", "x1": 1.0}], "machine": "PM1"}, '
            "where `machine` is optional. Problems:\n" + "\n".join(lines)
        ) from None


def score_alone(served: ServedVersion, request: ScoreRequest) -> Scored:
    """Score the rows of a request as one table, whose first rows are the history of the later ones.

    Raises:
        InputError: If the rows fail the schema check, or come at another interval than those of training.
    """
    table = make_table(request.rows, served.detector)
    with np.errstate(all="ignore"):
        scored = score_readings(served.detector, served.model, table)
    require_interval(scored["time"].to_numpy(), served.detector, "the request")
    return write_answer(served, request, scored, None)


def write_answer(
    served: ServedVersion, request: ScoreRequest, scored: pd.DataFrame, state: ScoringState | None
) -> Scored:
    """Write the answer in the form of `schemas.service.ScoreAnswer`."""
    content: dict[str, Any] = {
        "model": served.name,
        "version": served.version,
        "machine": request.machine,
        "rows": list_scored_rows(scored),
    }
    answer = json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
    return Scored(answer, len(scored), int(scored["alarm"].sum()), state)
