"""Simulators: tables with planted events, for the first run and for tests.

Settings and a seed come in, a table or a file goes out; the same seed gives the same table.

Called by other rooms: `plants.simulate_file`.
"""
