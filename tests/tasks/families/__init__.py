"""Tests of what is in `tasks/families/`."""
