"""Save the registry with its artifacts in one archive, and restore it here or elsewhere."""
