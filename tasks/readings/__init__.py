"""Readings: from a file to a checked table of times, labels and sensors.

In comes a file as a plant exports it, or the settings of a simulator; out go `SensorReadings` that satisfy
their schema, in time order, or one message with everything that is wrong. Nothing is filled across a gap,
and nothing is dropped without a finding.

Called by other rooms: `load.load_readings`, `check.check_readings`, `parse` (times, steps and runs),
`format` (values as text), `replay.replay_causally`, `set_aside.set_rows_aside`, `simulate.simulate_file`.
"""
