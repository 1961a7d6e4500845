"""Alarms: from scores to thresholds, alarms and what drives them.

In come the scores of windows; out go `Threshold`s, alarm episodes, the events that they catch, and
explanations. An alarm is `score >= threshold`, and a threshold never sees the rows that it is judged on.

Called by other rooms: `threshold.choose_thresholds`, `recalibrate` (thresholds that move), `episodes`
(events caught and false alarms), `explain.explain_alarms`.
"""
