# SPDX-License-Identifier: GPL-3.0-or-later
#
# The folder of finished jobs. A file has its name only when it is whole and on the disk, whenever the driver is killed.

import os
import tempfile
from pathlib import Path

from .failures import CannotWriteError


class Store:
    """One file `<id>.csv` per finished job."""

    def __init__(self, folder):
        self.folder = Path(folder)
        # mkstemp lets nobody else read; a result is as readable as any other file of this user.
        self._mask = os.umask(0)
        os.umask(self._mask)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWriteError(f"{folder}: cannot be made: {error.strerror}") from None

    def write(self, job, data):
        """Under a temporary name, synced, renamed; then the folder's entry is synced as well."""
        temporary = None
        try:
            descriptor, temporary = tempfile.mkstemp(prefix=f".{job}.", suffix=".tmp", dir=self.folder)
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~self._mask)
            os.replace(temporary, self.folder / f"{job}.csv")
            temporary = None
            self._sync()
        except OSError as error:
            raise CannotWriteError(f"{self.folder}/{job}.csv: cannot be written: {error.strerror}") from None
        finally:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)

    def _sync(self):
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

