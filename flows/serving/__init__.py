"""The HTTP service that scores readings with a registered version; it does not use Prefect."""
