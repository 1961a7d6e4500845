"""Tests of what is in `schemas/`."""
