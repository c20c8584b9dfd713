# SPDX-License-Identifier: GPL-3.0-or-later
#
# The folder of finished jobs. A file has its name only when it is whole and on the disk, whenever the driver is killed.
# Temporary names are those of `sim sweep run`, so that each removes what a process that is gone has left, whichever it was.

import os
import re
from pathlib import Path

from .failures import CannotWriteError

_TEMPORARY = re.compile(r"\..*\.tmp-(\d+)")


class Store:
    """One file `<id>.csv` per finished job."""

    def __init__(self, folder):
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._remove_abandoned()
        except OSError as error:
            raise CannotWriteError(f"{folder}: cannot be used: {error.strerror}") from None

    def write(self, job, data):
        """Under a temporary name, synced, renamed; then the folder's entry is synced as well."""
        temporary = self.folder / f".{job}.tmp-{os.getpid()}"
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.folder / f"{job}.csv")
            self._sync()
        except OSError as error:
            raise CannotWriteError(f"{self.folder}/{job}.csv: cannot be written: {error.strerror}") from None
        finally:
            temporary.unlink(missing_ok=True)

    def _sync(self):
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _remove_abandoned(self):
        for path in self.folder.iterdir():
            found = _TEMPORARY.fullmatch(path.name)
            if found and not _is_running(int(found[1])):
                path.unlink(missing_ok=True)


def _is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True
