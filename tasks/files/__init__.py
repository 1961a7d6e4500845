"""Files on the local disk: atomic writes, flushing to disk, and locks.

Tables and paths come in; files go out. A reader never sees a partly written file, and a lock is released
when the process that holds it ends.

Called by other rooms: `write.write_table`, `write.replace_at_end`, `flush.flush`, `lock.hold_file`,
`lock.take_lock`.
"""
