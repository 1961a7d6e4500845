"""Arrangement: a loaded table in the shape of all later steps, a row per time and a column per sensor.

The machine is chosen, a long table pivoted, rows are sorted and put on a regular step. No row sees a later
reading, batches give the same rows as the whole table, and all that is done is in the findings.

Called by other rooms: `arrange` (tables and batches; settings found), `machines.list_machines`, `order`
(rows out of order), `resample` (a step for irregular rows), `waiting_rows` (rows that wait for the next
batch).
"""
