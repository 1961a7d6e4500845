"""Monitor: how the champion does on rows that it has not seen.

In come a table of recent readings and the champion; out go a `Review` (windows, calibration, sensor findings,
a `Verdict` on drift and one on recall) and its metrics in MLflow. Only rows after those that the champion's
training and threshold have seen are judged. Only its scores of normal rows can confirm drift, and only events
with a known label low recall: moved sensors and poor data are findings, no more.

Called by other rooms: `watch` (find the champion, check and score the table), `review.review_champion`,
`review_log` (the run, and the last events), `reference.find_normal_medians`.
"""
