"""Tests of what is in `tasks/models/families/`."""
