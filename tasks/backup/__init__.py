"""Backup: from a tracking store to one archive, and from the archive to an empty store, here or elsewhere.

In come the database of the tracking store and the folder of its artifacts; out goes one `.tar.gz` with the
hash of every file, or, on restoring it, a filled store whose champions have been checked. Both are written
whole or not at all: an archive shows the database at one moment while no alias moves, and a restore
verifies the whole archive first and overwrites nothing.

Called by other rooms: `back_up.back_up`, `restore.restore`, `connect.find_kind`.
"""
