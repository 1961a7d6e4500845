"""The nouns: configuration, tables, windows, scores, evaluations and decisions."""
