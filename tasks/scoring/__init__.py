"""Scoring: from raw readings to scores, thresholds and alarms, by the steps of training in the same order.

In come raw rows and a `Detector` with its model; out go scored rows, all at once or batch by batch, and an
output file to which each row is appended exactly once. Batches of any size must give the same scores as
scoring all rows at once.

Called by other rooms: `reading_settings` (how a new table is read), `set_aside.set_rows_aside`,
`score.score_readings`, `resume.score_next_rows`, `append` (open and extend an output), `carry_over` (state
between batches), `output_rows` (columns of the output), `notes` (what was unusual), `encode.encode_readings`.
"""
