"""Temporary directories that a killed process leaves, and how the next process knows that nobody needs them: by a lock."""

import fcntl
import glob
import os
import shutil
import tempfile


def _lock(directory):
    """A descriptor with a lock on the directory, which ends with this process whatever ends it; None if another has one.

    A process in another container has the same locks, but other process numbers: those tell nothing.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def make_directory(prefix, parent=None):
    """A new directory of this process, and the descriptor that holds its lock."""
    while True:
        path = tempfile.mkdtemp(prefix=prefix, dir=parent)
        try:
            descriptor = _lock(path)
        except FileNotFoundError:
            continue
        # Another process may have found it before it was locked, and have removed it.
        if descriptor is not None and os.path.exists(path):
            return path, descriptor
        if descriptor is not None:
            os.close(descriptor)


def remove_abandoned(prefix, parent=None):
    """Removes the directories of that prefix whose processes are gone. Leaves what belongs to other users."""
    for path in glob.glob(os.path.join(glob.escape(parent or tempfile.gettempdir()), glob.escape(prefix) + "*")):
        try:
            descriptor = _lock(path)
        except OSError:
            continue
        if descriptor is None:
            continue
        if os.fstat(descriptor).st_uid == os.geteuid():
            shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)
