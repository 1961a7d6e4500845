"""The last rows of each machine, so that a single row can be scored."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pandas as pd

from flows.serving.limits import refuse_for_now
from flows.serving.model import ServedVersion
from schemas.errors import InputError
from schemas.readings import RawTable
from schemas.state import ScoringState
from tasks.labels.labels import mark_known_events
from tasks.readings.check import check_readings
from tasks.scoring.resume import begin_scoring, score_next_rows
from tasks.times.sampling import DIFFERENCES_AT_LEAST, require_interval
from tasks.times.written_times import parse_column

# the answer to the last request is kept in case the request is sent again, unless it exceeds this many bytes
_LONGEST_KEPT_ANSWER = 262_144


@dataclass(eq=False)
class Session:
    """State of one machine.

    Attributes:
        state: The last rows and the threshold, or none before the first request.
        version: The version that the threshold belongs to.
        last_request: Hash of the last answered request.
        last_answer: The answer, or none if it is too long to keep.
        lock: Held by the request being scored.
        users: Number of requests that hold the lock or wait for it.
        last_used: Time of the last request on a monotonic clock, in seconds.
    """

    state: ScoringState | None = None
    version: str = ""
    last_request: bytes = b""
    last_answer: bytes | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    last_used: float = 0.0

    def find_answer(self, request: bytes) -> bytes | None:
        """Return the answer to the last request if this request repeats it, else none."""
        return self.last_answer if request == self.last_request else None

    def keep(self, state: ScoringState, version: str, request: bytes, answer: bytes) -> None:
        """Store the state and the answer of a request."""
        self.state, self.version, self.last_request = state, version, request
        self.last_answer = answer if len(answer) <= _LONGEST_KEPT_ANSWER else None


# not a cachetools cache: a session that is in use must never be evicted
class Sessions:
    """The sessions of all machines; the least recently used are dropped first."""

    def __init__(
        self, at_most: int, idle_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin without sessions.

        Args:
            at_most: Most sessions to keep.
            idle_seconds: Seconds without a request after which a session is dropped.
            clock: Returns the time in seconds.
        """
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._at_most = at_most
        self._idle_seconds = idle_seconds
        self._clock = clock

    def __len__(self) -> int:
        return len(self._sessions)

    @asynccontextmanager
    async def use(self, machine: str) -> AsyncIterator[Session]:
        """Lock a machine's session for one request.

        Raises:
            HTTPException: 503, if there are too many sessions and all are in use.
        """
        while True:
            session = self._find_or_begin(machine)
            session.users += 1
            try:
                async with session.lock:
                    # the session may have been ended while this request waited for the lock
                    if self._sessions.get(machine) is session:
                        yield session
                        return
            finally:
                session.users -= 1

    def end(self, machine: str) -> bool:
        """End the session of a machine; return whether there was one."""
        return self._sessions.pop(machine, None) is not None

    def drop_idle(self) -> None:
        """Drop the sessions that have been idle for too long."""
        earliest = self._clock() - self._idle_seconds
        # ordered by last use
        for machine, session in list(self._sessions.items()):
            if session.last_used > earliest:
                return
            if not session.users:
                del self._sessions[machine]

    def _find_or_begin(self, machine: str) -> Session:
        self.drop_idle()
        session = self._sessions.get(machine)
        if session is None:
            self._make_room()
            session = self._sessions[machine] = Session()
        self._sessions.move_to_end(machine)
        session.last_used = self._clock()
        return session

    def _make_room(self) -> None:
        if len(self._sessions) < self._at_most:
            return
        for machine, session in self._sessions.items():
            if not session.users:
                del self._sessions[machine]
                return
        raise refuse_for_now(
            f"Expected at most {self._at_most} machines at a time, and all are being scored. Try again soon."
        )


def score_in_session(
    served: ServedVersion, session: Session, table: pd.DataFrame, rows_at_most: int
) -> tuple[pd.DataFrame, ScoringState]:
    """Score the next rows of a machine.

    Args:
        served: The served version.
        session: The machine's session, which is not changed.
        table: The next rows.
        rows_at_most: Most rows to keep.

    Returns:
        The scored rows, and the state to carry over.

    Raises:
        InputError: If the rows fail the schema check, for example because they are not later, or if they
            come at another interval than those of training.
    """
    detector, model = served.detector, served.model
    state = carry_over(served, session)
    try:
        scored, after = score_next_rows(detector, model, state, table)
    except InputError:
        # if these rows are invalid by themselves, report that instead
        _check_rows(served, table)
        raise
    _check_interval(served, state, scored)
    kept = None if after.rows is None else after.rows.tail(rows_at_most).reset_index(drop=True)
    return scored, ScoringState(kept, after.threshold)


def _check_interval(served: ServedVersion, state: ScoringState, scored: pd.DataFrame) -> None:
    """Compare the interval between the new rows, and the rows before them if these are few, with training."""
    section, earlier = served.detector.readings, None
    if state.rows is not None:
        column = state.rows[section.time_column].tail(DIFFERENCES_AT_LEAST)
        earlier = parse_column(column, section).to_numpy()
    require_interval(scored["time"].to_numpy(), served.detector, "the session", earlier)


def carry_over(served: ServedVersion, session: Session) -> ScoringState:
    """Carry a session over to the served version.

    A session survives a reload: its rows stay as history, while the threshold restarts from that of the new
    version. Rows that the new version cannot read are dropped.
    """
    fresh = begin_scoring(served.detector)
    if session.state is None or session.state.rows is None:
        return fresh
    if session.version == served.version:
        return session.state
    try:
        _check_rows(served, session.state.rows)
    except InputError:
        return fresh
    return ScoringState(session.state.rows, fresh.threshold)


def _check_rows(served: ServedVersion, table: pd.DataFrame) -> None:
    detector = served.detector
    check_readings(
        RawTable(
            mark_known_events(table, detector.readings.label_column, detector.positive_values), "rows", ""
        ),
        detector.readings,
        are_labels_needed=False,
        are_event_rows_kept=detector.are_event_rows_kept,
        sensors=detector.sensors,
        categories=detector.categories,
    )
