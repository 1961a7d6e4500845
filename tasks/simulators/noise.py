"""Draw autocorrelated noise, and pass signals through first-order lags."""

from __future__ import annotations

import math

import numpy as np

WARM_UP_ROWS = 200
LONGEST_RESPONSE_ROWS = 1_000


def draw_memory_noise(rows: int, poles: tuple[float, ...], random: np.random.Generator) -> np.ndarray:
    """Draw autoregressive noise of variance 1 with the given poles, each within 0 and 1, shape (rows,)."""
    from scipy.signal import lfilter

    recursion = np.poly(poles)
    response = lfilter([1.0], recursion, np.eye(1, LONGEST_RESPONSE_ROWS)[0])
    gain = 1 / math.sqrt(math.fsum(response**2))
    noise: np.ndarray = lfilter([gain], recursion, random.standard_normal(rows + WARM_UP_ROWS))
    return noise[WARM_UP_ROWS:]


def lag_signal(signal: np.ndarray, rows: float) -> np.ndarray:
    """Pass a signal through a first-order lag, starting from its first value.

    Args:
        signal: Shape (rows,).
        rows: Time constant in rows, at least 0; 0 returns the signal itself.
    """
    from scipy.signal import lfilter

    if rows == 0:
        return signal
    pole = math.exp(-1 / rows)
    lagged: np.ndarray = lfilter([1 - pole], [1, -pole], signal, zi=[pole * signal[0]])[0]
    return lagged
