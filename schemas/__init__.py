"""The nouns: frozen types for settings, tables, windows, scores, evaluations and decisions, plus the errors.

Plain values come in; validated, immutable objects go out. This package computes no scores, reads no files and
imports neither `tasks` nor `flows`.

Every public name may be used by `tasks` and `flows`; start with `configuration.Configuration`,
`readings.SensorReadings`, `windows.Split`, `evaluation.Evaluation`, `decision.Decision` and `errors`.
"""
