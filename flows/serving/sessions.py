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
from tasks.readings.check import check_readings
from tasks.scoring.resume import begin_scoring, score_next_rows

# the answer to the last request is kept for one that is sent again, unless it is longer
_LONGEST_KEPT_ANSWER = 262_144


@dataclass(eq=False)
class Session:
    """What is kept of one machine.

    Attributes:
        state: Its last rows and its threshold, or none before the first request.
        version: The version that the threshold belongs to.
        last_request: Hash of the last request that was answered.
        last_answer: The answer, or none where it is too long to keep.
        lock: Held by the request that is being scored.
        users: Requests that hold the lock or wait for it.
        last_used: When the last request came, on a clock that never goes back, in seconds.
    """

    state: ScoringState | None = None
    version: str = ""
    last_request: bytes = b""
    last_answer: bytes | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    last_used: float = 0.0

    def find_answer(self, request: bytes) -> bytes | None:
        """Find the answer to the last request, if this is the same one again."""
        return self.last_answer if request == self.last_request else None

    def keep(self, state: ScoringState, version: str, request: bytes, answer: bytes) -> None:
        """Move on to the next request."""
        self.state, self.version, self.last_request = state, version, request
        self.last_answer = answer if len(answer) <= _LONGEST_KEPT_ANSWER else None


# not a cachetools cache: a session that is in use must never be evicted
class Sessions:
    """The sessions of all machines, of which the least recently used go first."""

    def __init__(
        self, at_most: int, idle_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin without sessions.

        Args:
            at_most: Sessions to keep.
            idle_seconds: Seconds without a request after which a session is dropped.
            clock: Tells seconds.
        """
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._at_most = at_most
        self._idle_seconds = idle_seconds
        self._clock = clock

    def __len__(self) -> int:
        return len(self._sessions)

    @asynccontextmanager
    async def use(self, machine: str) -> AsyncIterator[Session]:
        """Have a machine's session to oneself; one request at a time does.

        Raises:
            HTTPException: 503, if there are too many sessions and all are in use.
        """
        while True:
            session = self._find_or_begin(machine)
            session.users += 1
            try:
                async with session.lock:
                    # it may have been ended while this request waited for it
                    if self._sessions.get(machine) is session:
                        yield session
                        return
            finally:
                session.users -= 1

    def end(self, machine: str) -> bool:
        """Forget a machine; tells whether it was known."""
        return self._sessions.pop(machine, None) is not None

    def drop_idle(self) -> None:
        """Drop the sessions that have not been used for long."""
        earliest = self._clock() - self._idle_seconds
        # in the order of their last use
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
            f"Expected at most {self._at_most} machines at a time. All of them are being scored. Try again "
            "soon."
        )


def score_in_session(
    served: ServedVersion, session: Session, table: pd.DataFrame, rows_at_most: int
) -> tuple[pd.DataFrame, ScoringState]:
    """Score the next rows of a machine.

    Args:
        served: The version that scores.
        session: What is kept of the machine; it is not changed.
        table: The next rows.
        rows_at_most: Rows to keep, at most.

    Returns:
        The scored rows, and what to carry over.

    Raises:
        InputError: If the rows fail their schema, among others because they are not later.
    """
    detector, model = served.detector, served.model
    state = carry_over(served, session)
    try:
        scored, after = score_next_rows(detector, model, state, table)
    except InputError:
        # in the words for these rows alone, if they are at fault by themselves
        _check_rows(served, table)
        raise
    kept = None if after.rows is None else after.rows.tail(rows_at_most).reset_index(drop=True)
    return scored, ScoringState(kept, after.threshold)


def carry_over(served: ServedVersion, session: Session) -> ScoringState:
    """Carry a session over to the version that scores now.

    A session survives a reload: its rows stay as history, while the threshold starts from the new
    version's own. Rows that the new version cannot read are forgotten.
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
        RawTable(table, "rows", ""),
        detector.readings,
        are_labels_needed=False,
        sensors=detector.sensors,
        categories=detector.categories,
    )
