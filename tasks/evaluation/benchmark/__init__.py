"""Benchmark: from the scores of several methods on several tables to figures, differences and ranks.

In come the `FoldScores` of every method on a table; out go figures with intervals, differences between
methods and, over all tables, mean ranks and CARE scores. All methods of a table are measured on the same rows
with the same resamples.

Called from outside: `methods.list_methods`, `boundaries.place_test`, `tables.measure_table`,
`tables.describe_methods`, `compare.compare_tables`, `compare.rank_tables`, `assets.score_groups`.
"""
