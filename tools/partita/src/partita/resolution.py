"""Finds the pins of a lock: uv resolves a mirror of the workspace, the tree itself stays untouched.

A pin that still fits is kept because uv prefers what a `uv.lock` beside the manifests holds. That file writes index
addresses down and is not part of the repository, so it is made here from the pins, each time.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from partita.errors import PartitaError
from partita.lock import BUILD_CONSTRAINTS, CONSTRAINTS, Demand, Lock, Pin, label, parse_lock, read_lock
from partita.manifest import parse_manifest
from partita.pins import remove_pins
from partita.uv import attempt_uv, run_uv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from partita.workspace import Workspace

_MANIFEST = "pyproject.toml"
_BUILD_GROUP = "partita-build-requirements"
_NOT_MIRRORED = frozenset({_MANIFEST, "uv.lock", ".venv", ".nox"})
_EXPORT = ("export", "--quiet", "--frozen", "--all-packages", "--all-extras", "--all-groups", "--no-emit-workspace")
#: What of a root's `[tool.uv]` says how to resolve, but not where from: the lock must not depend on an index.
_RULES = ("conflicts", "environments", "exclude-dependencies", "override-dependencies", "prerelease", "resolution")
#: What only the workspace itself has a use for; the stand-in that holds nothing but pins goes without.
_OWN = (
    "workspace",
    "sources",
    "dev-dependencies",
    "default-groups",
    "package",
    CONSTRAINTS,
    BUILD_CONSTRAINTS,
    *_RULES,
)


class Resolution(NamedTuple):
    """The pins found, and what a person should know about how."""

    lock: Lock
    notes: tuple[str, ...]


def read_demands(workspace: Workspace) -> tuple[Demand, ...]:
    """What every manifest asks of third parties, the root's included, sorted by owner.

    Raises PartitaError when this is no uv workspace: only there do all members agree on one set of versions.
    """
    root = _read_document(workspace, _MANIFEST)
    settings = root.get("tool", {}).get("uv", {})
    if "workspace" not in settings:
        raise PartitaError(
            f"{workspace.root}: no uv workspace, so its members have no common lock; "
            f"declare [tool.uv.workspace] in {_MANIFEST}, or keep the locks of the tool that is in use"
        )
    names = {member.name for member in workspace.members}
    rules = repr([(key, settings[key]) for key in _RULES if key in settings])
    manifests = {member.manifest: member.name for member in workspace.members}
    demands = []
    for manifest, owner in {_MANIFEST: "workspace", **manifests}.items():
        requirements = parse_manifest(workspace.tree.read(manifest), manifest).requirements
        third_parties = tuple(item for item in requirements if item.name not in names)
        python = _read_document(workspace, manifest).get("project", {}).get("requires-python", "")
        demands.append(Demand(owner, manifest, python, third_parties, rules if manifest == _MANIFEST else ""))
    return tuple(sorted(demands))


def resolve(workspace: Workspace, demands: Sequence[Demand], preferred: Iterable[Pin]) -> Resolution:
    """Resolve the whole workspace; preferred pins stay unless a requirement forbids it.

    Asks the package index. Raises PartitaError with uv's explanation when there is no solution.
    """
    manifest = remove_pins(workspace.tree.read(_MANIFEST).decode("utf-8-sig"))
    build = sorted({item.text for demand in demands for item in demand.requirements if item.kind == "build"})
    preferences = _lock_preferences(manifest, demands, tuple(preferred))
    notes: tuple[str, ...] = ()
    try:
        found = _lock_mirror(workspace.root, _add_group(manifest, build), preferences)
    except PartitaError:
        found = _lock_mirror(workspace.root, manifest, preferences)  # raises when the members themselves are at odds
        notes = ("the build requirements do not go together with the others, so they are not locked",)
    owners = {demand.owner for demand in demands}
    asked = [(item.name, label(demand.owner, item)) for demand in demands for item in demand.requirements]
    pins = [
        pin._replace(
            hashes=tuple(sorted(set(pin.hashes))),
            needed_by=tuple(sorted({*set(pin.needed_by) - owners, *(who for name, who in asked if name == pin.name)})),
        )
        for pin in found.pins
    ]
    digests = tuple((demand.owner, demand.digest()) for demand in demands)
    return Resolution(Lock(_python_range(demands), digests, tuple(pins)), notes)


def find_lock(workspace: Workspace) -> Lock | None:
    """What bounds third parties in isolated sessions: `requirements.lock`, else a `uv.lock`, else nothing (None)."""
    found = read_lock(workspace.root)
    if found is None and os.path.exists(os.path.join(workspace.root, "uv.lock")):
        return parse_lock(run_uv(_EXPORT, workspace.root))
    return found


def resolve_afresh(workspace: Workspace, manifest: str) -> tuple[Pin, ...]:
    """What a fresh clone, which has no `uv.lock`, resolves to when this is the root's manifest."""
    return _lock_mirror(workspace.root, manifest, None).pins


def _lock_mirror(root: str, manifest: str, preferences: bytes | None) -> Lock:
    with _mirror(root, manifest) as folder:
        if preferences is not None:
            with open(os.path.join(folder, "uv.lock"), "wb") as file:
                file.write(preferences)
        run_uv(["lock", "--quiet"], folder)
        return parse_lock(run_uv(_EXPORT, folder))


@contextmanager
def _mirror(root: str, manifest: str) -> Iterator[str]:
    """A folder that looks like the workspace, by links, but for the root's manifest."""
    with tempfile.TemporaryDirectory(prefix="partita-lock-") as folder:
        for name in os.listdir(root):
            if name not in _NOT_MIRRORED:
                os.symlink(os.path.join(root, name), os.path.join(folder, name))
        with open(os.path.join(folder, _MANIFEST), "w", encoding="utf-8") as file:
            file.write(manifest)
        yield folder


def _lock_preferences(manifest: str, demands: Sequence[Demand], pins: Sequence[Pin]) -> bytes | None:
    """A `uv.lock` of a stand-in project that depends on nothing but these pins; None when there is none to make."""
    import tomlkit

    pins = [pin for pin in pins if not pin.is_reference()]
    if not pins:
        return None
    settings = tomlkit.parse(manifest).unwrap().get("tool", {}).get("uv", {})
    project = {
        "name": "preferences",
        "version": "0",
        "requires-python": _python_range(demands),
        "dependencies": [pin.requirement() for pin in pins],
    }
    kept = {key: value for key, value in settings.items() if key not in _OWN}
    with tempfile.TemporaryDirectory(prefix="partita-lock-") as folder:
        with open(os.path.join(folder, _MANIFEST), "w", encoding="utf-8") as file:
            file.write(tomlkit.dumps({"project": project, "tool": {"uv": kept}}))
        finished = attempt_uv(["lock", "--quiet"], folder)
        if finished.returncode:
            raise PartitaError(
                "the pins of requirements.lock cannot be kept, since not all of them can be had together; "
                f"move them with --upgrade, or some with --upgrade NAME:\n{finished.stderr.rstrip()}"
            )
        with open(os.path.join(folder, "uv.lock"), "rb") as locked:
            return locked.read()


def _add_group(manifest: str, requirements: Sequence[str]) -> str:
    """The manifest with one more group, so that build requirements are resolved together with everything else."""
    import tomlkit

    document: Any = tomlkit.parse(manifest)
    document.setdefault("dependency-groups", {})[_BUILD_GROUP] = list(requirements)
    return tomlkit.dumps(document)


def _python_range(demands: Iterable[Demand]) -> str:
    """The Pythons that every manifest accepts."""
    return ",".join(sorted({part.strip() for demand in demands for part in demand.python.split(",")} - {""}))


def _read_document(workspace: Workspace, manifest: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(workspace.tree.read(manifest).decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise PartitaError(f"{manifest}: cannot be read: {error}") from error
