"""Rolling-origin evaluation (backtest): from the scores of folds to one summary.

In come `FoldScores`, one per entrant, fold and seed; out goes a `Summary` with metrics, intervals, curves and
a leak check. Every scorer must have every fold with each of its seeds, and differences are paired: all
scorers of a fold share the same resamples.

Called from outside: `folds.find_folds`, `tamper` (inputs for the leak check), `trial.measure_fold_area`,
`summarise.summarise_folds`, `summarise.judge_entrants`.
"""
