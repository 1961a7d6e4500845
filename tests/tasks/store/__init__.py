"""Tests of what is in `tasks/store/`."""
