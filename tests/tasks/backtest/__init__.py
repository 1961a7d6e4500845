"""Tests of what is in `tasks/backtest/`."""
