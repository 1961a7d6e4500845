"""Scoring: from raw readings to scores, thresholds and alarms, by the steps of training in the same order.

In come raw rows and a `Detector` with its model; out go scored rows, at once or batch by batch, and an
output to which each row is appended once. Batches of any size give the scores of scoring all rows at once.

Called by other rooms: `score.score_readings`, `resume.score_next_rows`, `append.append_batch`,
`carry_over.carry_history`, `encode.encode_readings`.
"""
