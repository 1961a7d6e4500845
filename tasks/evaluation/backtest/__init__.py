"""Rolling-origin evaluation: from what folds give to what they say together."""
