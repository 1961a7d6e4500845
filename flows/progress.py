"""What a flow says while it runs: the seconds of each stage, and what came of it."""

from __future__ import annotations

import sys
import time

from prefect import get_run_logger
from prefect.context import FlowRunContext


class Stopwatch:
    """Seconds of each stage of a flow; says on standard error and in Prefect's log what has been done."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._begin = self._last = time.perf_counter()

    def lap(self, stage: str, result: str) -> None:
        """Close a stage and say what came of it."""
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 3)
        self.seconds["total"] = round(now - self._begin, 3)
        self._last = now
        line = f"{stage:<9} {self.seconds[stage]:7.1f} s  {result}"
        print(line, file=sys.stderr)
        if FlowRunContext.get() is not None:
            get_run_logger().info(line)
