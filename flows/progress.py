"""Progress of a flow: the duration and the result of each stage."""

from __future__ import annotations

import sys
import time

from prefect import get_run_logger
from prefect.context import FlowRunContext


class Stopwatch:
    """Measures the stages of a flow, and reports each on standard error and in Prefect's log."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        # folds silence `sys.stderr` while they train
        self._out = sys.stderr
        self._begin = self._last = time.perf_counter()

    def lap(self, stage: str, result: str) -> None:
        """End a stage and report its duration and result."""
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 3)
        self.seconds["total"] = round(now - self._begin, 3)
        self._last = now
        line = f"{stage:<9} {self.seconds[stage]:7.1f} s  {result}"
        print(line, file=self._out)
        if FlowRunContext.get() is not None:
            get_run_logger().info(line)
