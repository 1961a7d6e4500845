"""A day of a plant in a few minutes: `make day`."""
