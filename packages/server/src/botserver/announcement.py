"""What `botserver serve` says once it answers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botstate import Standing


def render(url: str, folders: Sequence[str], standings: Sequence[Standing]) -> str:
    """Where it is, what runs, where its data is, and what did not start: a line each."""
    started = [it.service for it in standings if not it.trouble]
    lines = [f"botserver is ready on {url} with {', '.join(started)}."]
    if folders:
        lines.append(f"Its data is in {' and '.join(folders)}. Ctrl-C stops it.")
    lines += [f"{it.service} did not start: {it.trouble}" for it in standings if it.trouble]
    return "".join(f"{line}\n" for line in lines)


def describe(url: str, folders: Sequence[str], standings: Sequence[Standing]) -> dict[str, Any]:
    """The value behind `botserver serve --json`, which is printed as one line."""
    return {
        "schema": 1,
        "url": url,
        "data": list(folders),
        "services": [{"name": it.service, "started": not it.trouble, "trouble": it.trouble} for it in standings],
    }
