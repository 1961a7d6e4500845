"""Times: from what a table shows as time to UTC, with the usual step and the runs of rows without a gap.

Text, numbers and local times come in, in one column or in two; `datetime64[ns]` goes out, with what was
found. Where two readings of a time are possible, the table is refused with the setting that decides.

Called by other rooms: `written_times.read_times`, `clock.read_clock`, `parse` (steps and runs),
`time_columns` (the columns that hold times), `time_formats` and `time_units` (how times are written),
`time_zones` (local times), `sampling` (the interval of a version's training).
"""
