"""Brings together git, the members and the pure answer of `affected`, so that git works while the rest is read."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from partita import outline
from partita.changes import Comparison, read_versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from partita.affected import Affected, Link
    from partita.outline import Outline


def read_affected(
    root: str | None, base: str | None, *, use_cache: bool = True, follow_imports: bool = False
) -> tuple[tuple[Outline, ...], Affected]:
    """All members, and those that the changes since a base reach; see `Comparison` for what a base is.

    `root` is None where it is to be found upward from here. With `follow_imports` a change also goes through imports
    that no manifest declares; every source file is read for it. Raises PartitaError.
    """
    start = os.path.abspath(root or ".")
    memory = outline.recall(start, is_root=bool(root)) if use_cache else None
    place = memory.root if memory else _find_root(root)
    with Comparison(place, base) as comparison:
        from partita.affected import find_affected, find_telling_files  # while git runs

        if memory and memory.is_fresh():
            members = memory.members
        else:
            members = _read_members(start, place, is_root=bool(root), use_cache=use_cache)
        observed = tuple(_read_imports(place, use_cache=use_cache)) if follow_imports else ()
        changes = comparison.changes([member.manifest for member in members])
    versions = read_versions(place, find_telling_files(changes.files))
    return members, find_affected(members, changes, versions, observed)


def _find_root(root: str | None) -> str:
    from partita.workspace import find_root  # what is remembered needs no reader

    return root or find_root(".")


def _read_members(start: str, root: str, *, is_root: bool, use_cache: bool) -> tuple[Outline, ...]:
    from partita.workspace import read_workspace  # what is remembered needs no reader

    read_at = time.time_ns()
    workspace = read_workspace(root, use_cache=use_cache)
    if use_cache:
        outline.remember(start, workspace, read_at, is_root=is_root)
    return outline.draw(workspace)


def _read_imports(root: str, *, use_cache: bool) -> Iterator[tuple[str, Link]]:
    from partita.affected import Link
    from partita.modules import member_edges, read_modules  # reads every source file
    from partita.workspace import read_workspace

    workspace = read_workspace(root, use_cache=use_cache)
    for edge in member_edges(workspace, read_modules(workspace, use_cache=use_cache)).edges:
        for evidence in edge.evidence:
            yield edge.target, Link(edge.source, evidence.kind, evidence.file, evidence.line)
