"""Settings: defaults, a preset, a YAML file and single values, merged into one validated configuration.

Settings as the user wrote them come in; a frozen `Configuration` goes out. Unknown keys and values out of
range are rejected, with the full name of the setting, before anything else happens.

Called by other rooms: `configure.configure`, `configure.change_settings`; `python -m
tasks.configuration.document` writes docs/configuration.md.
"""
