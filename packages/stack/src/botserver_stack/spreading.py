"""Keeps the files of one stack away from those of stacks that have just been removed.

ext4 does not use the number of a removed file again for a minute, and looks at each of these numbers whenever it makes
a file near them: where stacks come and go, the thousand files of a database then take seconds instead of 0.1. It puts
a folder near its parent, except below a folder that has the flag "top of a hierarchy": there the name decides. The
standard library only.
"""

from __future__ import annotations

import fcntl
import os
import struct
from contextlib import suppress

_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602  # of linux/fs.h, where a long has 64 bits
_TOP_OF_HIERARCHY = 0x00020000


def spread_children(folder: str) -> None:
    """From now on, put new folders in this one far from each other, by their names. Does nothing where it cannot."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            (flags,) = struct.unpack("l", fcntl.ioctl(descriptor, _GET_FLAGS, bytes(struct.calcsize("l"))))
            fcntl.ioctl(descriptor, _SET_FLAGS, struct.pack("l", flags | _TOP_OF_HIERARCHY))
        finally:
            os.close(descriptor)
