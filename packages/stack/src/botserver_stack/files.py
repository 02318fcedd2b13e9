"""Writes small files whose mode matters."""

from __future__ import annotations

import os


def write_file(path: str, text: str, mode: int = 0o600) -> None:
    """Write it, all or nothing, with exactly this mode whatever the umask is."""
    temporary = f"{path}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with open(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    os.replace(temporary, path)
