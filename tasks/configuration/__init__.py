"""Settings: from defaults, a preset, a YAML file and single values to one validated configuration.

In come texts that a person wrote; out goes a frozen `Configuration`. An unknown key or a value out of range
is refused by its full name before anything else happens.

Called by other rooms: `configure.configure`, `configure.change_settings`; `python -m
tasks.configuration.document` writes docs/configuration.md.
"""
