"""Readings: checking and simulating tables of times, labels and sensor values.

A raw table comes in, or the settings of a simulator; `SensorReadings` that satisfy their
schema go out, in time order, or one error that lists every problem. No value is filled across a time gap, and
no sensor is dropped without a finding.

Called by other rooms: `check.check_readings`, `parse` (times, steps and runs),
`late_labels` (rows without a label yet), `missing.blank_missing_words`, `format` (values as text),
`replay.replay_causally`, `set_aside.set_rows_aside`, `simulate.simulate_file`.
"""
