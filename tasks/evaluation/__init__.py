"""Evaluation: from scores and alarms to metrics with intervals, and to a promotion decision.

In come scores, thresholds and events of one part or one fold; out go `Evaluation`s, summaries of backtests
and the `Decision` of the promotion gate. Champion and challenger must be compared on the same later rows,
and the controls are reported next to every model.

Called by other rooms: `evaluate` (metrics, tallies, comparisons), `random_alarms.expect_random_recall`,
`alarm_record` and `warning_evidence` (what alarms caught, alone and in several tests),
`slices.slice_alarms`, `gate.judge_version`, `search` (trials of a comparison), `backtest.summarise`
(`summarise_folds`, `judge_entrants`).
"""
