"""Which account a server runs as that refuses root, and whether that account can reach a path."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from botserver_stack.errors import StackError

#: Tried in this order when we are root. initdb insists on an entry in the table of accounts.
_CANDIDATES = ("postgres", "nobody", "daemon")


class Account(NamedTuple):
    name: str
    uid: int
    gid: int


def find_account() -> Account | None:
    """The account to run PostgreSQL as; None when we are a plain user, who runs it himself."""
    if os.geteuid() != 0:
        return None
    import pwd  # only as root

    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise StackError(
        "PostgreSQL does not run as root, and there is no account for it.", remedy="Add one: useradd --system postgres"
    )


def blocking_folder(path: str, account: Account | None) -> str | None:
    """The first folder on the way to `path` that this account may not enter, if any."""
    if account is None:
        return None
    folders = [os.path.realpath(path)]
    while folders[-1] != "/":
        folders.append(os.path.dirname(folders[-1]))
    return next((it for it in reversed(folders) if os.path.isdir(it) and not _may_enter(it, account)), None)


def _may_enter(folder: str, account: Account) -> bool:
    facts = os.stat(folder)
    if facts.st_uid == account.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == account.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)
