"""The Prefect flows, which read as lists of sentences, and the commands that run them."""
