"""The data folder and the address to listen on."""

from __future__ import annotations

import os
import socket
import stat

from botserver.doctor.finding import Finding

#: File systems of other machines, on which the locks of SQLite cannot be trusted.
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs"})


def check_data_folder(folder: str) -> Finding:
    """Whether it can be written, by this user alone, and lies on a disk of this machine."""
    name = "data folder"
    if not os.path.lexists(folder):
        parent = nearest_folder(folder)
        if not os.access(parent, os.W_OK | os.X_OK):
            return Finding(name, "fail", f"{folder} cannot be made: {parent} is not writable.", _writable(parent))
        return Finding(name, "pass", f"{folder} will be made at the first start")
    if not os.path.isdir(folder):
        return Finding(name, "fail", f"{folder} is no folder.", "Move it away, or choose another place.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding(name, "fail", f"{folder} is not writable.", _writable(folder))
    kind = _file_system(folder)
    if kind in _REMOTE:
        text = f"{folder} is on {kind}, where the locks of SQLite cannot be trusted."
        return Finding(name, "warn", text, "Keep it on a disk of this machine, or use PostgreSQL.")
    mode = stat.S_IMODE(os.stat(folder).st_mode)
    if mode & 0o077:
        return Finding(
            name, "warn", f"{folder} is open to other users (mode {mode:04o}).", f"Run `chmod 700 {folder}`."
        )
    return Finding(name, "pass", f"{folder}, mode {mode:04o}")


def check_port(host: str, port: int) -> Finding:
    """Whether a server could listen there now."""
    place = f"{host} port {port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        next_step = "Stop the program that has it (`ss -ltnp` tells which), or set server.port."
        if isinstance(error, socket.gaierror):
            next_step = "Set server.host to an address of this machine."
        return Finding("port", "fail", f"Nobody can listen on {place}: {error.strerror}.", next_step)
    return Finding("port", "pass", f"{place} is free")


def nearest_folder(path: str) -> str:
    """The nearest folder upward that is there."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _writable(folder: str) -> str:
    return f"Let this user write there (`chown {os.getuid()} {folder}`), or set the folder in the settings."


def _file_system(folder: str) -> str:
    """The kind of file system by the table of Linux, "" where there is none."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as table:
            mounts = [line.split()[1:3] for line in table]
    except OSError:
        return ""
    real = os.path.realpath(folder)
    above = [(len(point), kind) for point, kind in mounts if f"{real}/".startswith(f"{point.rstrip('/')}/")]
    return max(above, default=(0, ""))[1]
