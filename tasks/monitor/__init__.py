"""Monitor: how the champion does on rows that it has not seen.

In come a table of recent readings and the champion; out go a `Review` (windows, calibration, sensor findings
and a `Verdict` on drift) and its metrics in MLflow. Only rows after those that the champion's training and
threshold have seen are judged, and only its scores of normal rows can confirm drift: moved sensors and poor
data are findings, no more.

Called by other rooms: `watch` (find the champion, check and score the table), `review.review_champion`,
`review_log` (the run, and the last drift event), `reference.find_normal_medians`.
"""
