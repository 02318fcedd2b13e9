"""Wheels of members: built once for each content, kept outside the tree."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from partita.cache import cache_folder
from partita.closure import declared_requires, walk_closure
from partita.contents import digest_files, is_built, source_files
from partita.errors import PartitaError
from partita.lock import FILE_NAME
from partita.locks import hold
from partita.manifest import normalise
from partita.uv import find_uv, run_uv

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from partita.workspace import Member, Workspace

_KEPT = 4  # wheels a member


class Wheel(NamedTuple):
    """A built wheel. `digest` covers the content of its files; `requires` are its requirements as written inside."""

    name: str
    path: str
    digest: str
    requires: tuple[str, ...]

    def requirement(self, extras: Iterable[str] = ()) -> str:
        """What an installer is told to install exactly this file."""
        chosen = ",".join(sorted(extras))
        return f"{self.name}{f'[{chosen}]' if chosen else ''} @ file://{self.path}"


def build_wheel(workspace: Workspace, member: Member) -> Wheel:
    """The wheel of a member as it is now. Raises PartitaError with the words of its build backend."""
    shelf = os.path.join(cache_folder(workspace.root), "wheels", member.name)
    with hold(f"{shelf}.lock"):
        place = os.path.join(shelf, _source_key(workspace, member))
        if member.dynamic and os.path.isdir(place):
            shutil.rmtree(place)  # a build hook may look at anything, the history of the repository included
        if not os.path.isdir(place):
            _build(workspace, member, place)
            _prune(shelf)
        os.utime(place)
        return read_wheel(os.path.join(place, os.listdir(place)[0]))


def build_closure(workspace: Workspace, wanted: Mapping[str, Iterable[str]]) -> dict[str, Wheel]:
    """The wheels of these members (name -> extras) and of every member that they declare a need for, by name.

    What is needed is read from the wheels themselves, so dependencies that a build backend computes count.
    """
    from concurrent.futures import ThreadPoolExecutor

    members = {member.name: member for member in workspace.members}
    wheels: dict[str, Wheel] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def read(names: Sequence[str]) -> None:
            wheels.update(zip(names, pool.map(lambda name: _wheel(workspace, members[name]), names), strict=True))

        walk_closure(members, wanted, read, lambda name: wheels[name].requires)
    return wheels


def read_wheel(path: str) -> Wheel:
    """What an installed member consists of, read from its wheel."""
    from email.parser import HeaderParser
    from zipfile import ZipFile

    with ZipFile(path) as archive:
        folder = next(name.partition("/")[0] for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        record = archive.read(f"{folder}/RECORD")
        metadata = HeaderParser().parsestr(archive.read(f"{folder}/METADATA").decode())
    lines = sorted(record.splitlines())  # each holds a path and the hash of what is there
    requires = tuple(metadata.get_all("Requires-Dist", []))
    return Wheel(normalise(metadata["Name"]), path, hashlib.sha256(b"\n".join(lines)).hexdigest(), requires)


def _wheel(workspace: Workspace, member: Member) -> Wheel:
    """The wheel of a member; one without a build system has none, but may have requirements all the same."""
    return (
        build_wheel(workspace, member)
        if is_built(workspace, member)
        else Wheel(member.name, "", "", declared_requires(member))
    )


def _source_key(workspace: Workspace, member: Member) -> str:
    tool = os.stat(find_uv())
    content = digest_files(workspace.root, source_files(workspace, member))
    circumstances = (content, sys.version, sys.platform, tool.st_size, tool.st_mtime_ns)
    return hashlib.sha256(repr(circumstances).encode()).hexdigest()[:16]


def _build(workspace: Workspace, member: Member, place: str) -> None:
    folder = workspace.tree.absolute(member.folder)
    before = set(os.listdir(folder))
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(place)) as unfinished:
        out = os.path.join(unfinished, "wheel")
        locked = ["--build-constraints", FILE_NAME] if workspace.tree.exists(FILE_NAME) else []
        options = ["--quiet", "--wheel", "--no-create-gitignore", "--python", sys.executable, "--out-dir", out]
        try:
            run_uv(["build", *options, *locked, folder], workspace.root)
        finally:
            _remove_leftovers(folder, before)
        found = [name for name in os.listdir(out) if name.endswith(".whl")]
        if len(found) != 1:
            raise PartitaError(f"{member.folder}: its build made {len(found)} wheels, one was expected")
        os.rename(out, place)


def _remove_leftovers(folder: str, before: set[str]) -> None:
    """Setuptools leaves its work beside the sources; what it leaves in `build` would even slip into later wheels."""
    for name in set(os.listdir(folder)) - before:
        if name == "build" or name.endswith(".egg-info"):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def _prune(shelf: str) -> None:
    places = sorted((os.path.join(shelf, name) for name in os.listdir(shelf)), key=os.path.getmtime)
    for place in places[:-_KEPT]:
        shutil.rmtree(place, ignore_errors=True)
