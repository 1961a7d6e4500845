"""Alarms: from scores to thresholds, alarms and what drives them.

In come scores of windows; out go `Threshold`s, alarm episodes, the events that they catch, and explanations.
An alarm is `score >= threshold`, and a threshold must never be chosen on the rows that it is evaluated on.

Called by other rooms: `threshold.choose_thresholds`, `threshold.meet_alarm_budget`, `recalibrate` (moving
thresholds), `episodes` (caught events and false alarms), `explain.explain_alarms`, `explain.explain_part`.
"""
