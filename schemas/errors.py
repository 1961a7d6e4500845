"""Errors that are shown to the user, each with its exit code for the command line."""

import errno

# the disk is full, or a quota is exceeded
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class ForewarnError(Exception):
    """An error whose message is shown to the user without a traceback."""

    exit_code = 1


class InputError(ForewarnError, ValueError):
    """Bad input, data or configuration: retrying with the same input would fail again."""

    exit_code = 2


class StoreUnreachableError(ForewarnError, ConnectionError):
    """A server or store cannot be reached: a later retry may succeed."""

    exit_code = 4


class BusyError(StoreUnreachableError):
    """Another process is doing the same work: a later retry may succeed."""


class WorkerLostError(ForewarnError):
    """A worker process was killed, for example because memory ran out: a retry with fewer may succeed."""

    exit_code = 4
