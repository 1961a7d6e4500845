"""Files on the local disk: written whole or not at all, brought to the disk, and locked.

In come bytes, tables and paths; out go files. A reader never sees a file that is half written, and a lock
ends with the process that holds it.

Called by other rooms: `write.write_table`, `write.replace_at_end`, `flush.flush`, `lock.hold_file`,
`lock.take_lock`.
"""
