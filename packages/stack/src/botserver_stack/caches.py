"""What is made once and used by every stack: templates, and copies of programs for accounts that cannot reach ours."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botserver_stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator


def cache_folder() -> str:
    """A folder of ours that lasts. For root one that other accounts can enter, as PostgreSQL runs as one of them.

    BOTSERVER_STACK_CACHE names it, else it is in the cache folder of the user, else below /var/tmp.
    """
    named = os.environ.get("BOTSERVER_STACK_CACHE")
    for candidate in (named,) if named else _candidates():
        try:
            os.makedirs(candidate, mode=0o755, exist_ok=True)
        except OSError:
            continue
        facts = os.lstat(candidate)
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
            continue  # whoever can write there could slip us a program
        if os.access(candidate, os.W_OK | os.X_OK):
            return candidate
    raise StackError(
        "There is no folder for the template of the database.",
        remedy="Name one that only you can write to: BOTSERVER_STACK_CACHE=/a/folder",
    )


@contextmanager
def one_at_a_time(path: str) -> Iterator[None]:
    """Hold the lock file at `path`, which stays."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _candidates() -> Iterator[str]:
    if os.geteuid() == 0:
        yield "/var/cache/botserver-stack"
    else:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        if os.path.isabs(home):
            yield os.path.join(home, "botserver-stack")
    yield f"/var/tmp/botserver-stack-{os.geteuid()}"  # noqa: S108 - its owner and mode are checked above
