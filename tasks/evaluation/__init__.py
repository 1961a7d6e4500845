"""Evaluation: from scores and alarms to metrics with intervals, and to a decision.

In come scores, alarms and events of one part or one fold; out go `Evaluation`s, summaries of backtests and
the `Decision` of the promotion gate. Champion and challenger are judged on the same later rows, beside the
controls.

Called by other rooms: `evaluate.evaluate_scorers`, `bootstrap` (intervals), `slice.slice_alarms`,
`gate.judge_version`, `search` (trials of a comparison), `backtest.summarise.summarise_folds`.
"""
