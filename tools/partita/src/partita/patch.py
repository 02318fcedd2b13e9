"""A plan as a patch, for people to read and for `git apply` to take. Pure."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partita.writing import Change, Plan


def render_plan(plan: Plan) -> str:
    """Every change as git would write it; binary files are only named. Empty when nothing changes."""
    return "".join(map(_render_change, plan.changes))


def _render_change(change: Change) -> str:
    header = f"diff --git a/{change.path} b/{change.path}\n"
    if change.before is None:
        header += f"new file mode {'100755' if change.executable else '100644'}\n"
    elif change.after is None:
        header += "deleted file mode 100644\n"
    before, after = _lines(change.before), _lines(change.after)
    if before is None or after is None:
        return f"{header}Binary files differ\n"
    source = "/dev/null" if change.before is None else f"a/{change.path}"
    target = "/dev/null" if change.after is None else f"b/{change.path}"
    lines = difflib.unified_diff(before, after, source, target)
    return header + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(content: bytes | None) -> list[str] | None:
    """Lines with their ends, split as patches are; None for what is no text."""
    try:
        text = (content or b"").decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
