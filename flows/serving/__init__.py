"""The HTTP service over a registered version; no Prefect in it."""
