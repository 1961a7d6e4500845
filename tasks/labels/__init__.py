"""Labels: which rows are events, from the table itself or from a table of events.

Labels of 0 and 1, words and intervals of time come in; a column of 0 and 1, or of bools, goes out, and an
event is an interval of rows. A label that is not known yet is never taken for a normal row.

Called by other rooms: `labels` (words for events), `event_log.merge_events_file`, `events` (the rows of
each event), `late_labels` (rows without a label yet).
"""
