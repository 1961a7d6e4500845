"""The sentences: steps bound to Prefect, and the commands that run them."""
