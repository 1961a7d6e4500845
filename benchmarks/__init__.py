"""Speed against the published way, measured side by side: `python -m benchmarks`."""
