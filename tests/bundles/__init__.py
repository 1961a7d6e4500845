"""Bundles as they were saved once: what later code must go on loading and scoring the same."""
