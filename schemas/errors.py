"""The errors that a user can meet, each with the exit code of the command line."""

import errno

# what the system says of a full disk, or of a quota that is used up
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class ForewarnError(Exception):
    """Any error whose message is meant for the user as it stands."""

    exit_code = 1


class InputError(ForewarnError, ValueError):
    """Bad input, data or configuration: the same input would fail again."""

    exit_code = 2


class StoreUnreachableError(ForewarnError, ConnectionError):
    """A server or a store does not answer: the same call may pass later."""

    exit_code = 4


class BusyError(StoreUnreachableError):
    """Somebody else is at the same work: the same call may pass later."""
