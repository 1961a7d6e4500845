"""Tests of what is in `tasks/backup/`."""
