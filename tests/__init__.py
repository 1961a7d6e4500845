"""Tests of forewarn, one file beside each module."""
