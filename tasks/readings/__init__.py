"""Readings: an arranged table becomes `SensorReadings` that satisfy their schema, or one error for all.

Times, labels and values are read by the rooms before this one. No sensor is dropped without a finding, and
what a user should know about a table is in the findings.

Called by other rooms: `check.check_readings`, `inspect` (findings about quality), `replay.replay_causally`,
`units.report_other_units`.
"""
