"""Speed compared with the published implementation, measured in alternation: `python -m benchmarks`."""
