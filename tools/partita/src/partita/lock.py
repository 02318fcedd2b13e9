"""`requirements.lock`: every third-party distribution of a workspace, pinned, with hashes, without any index address.

The file is a requirements file that every installer reads (``-c requirements.lock``). Its comments say who needs a
pin, and what the manifests asked for when it was made, so that whether it is stale is told without a network. How the
pins are found is `partita.resolution`'s business; nothing here runs a program.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from partita.errors import PartitaError
from partita.findings import Finding
from partita.manifest import Requirement, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FILE_NAME = "requirements.lock"

NOT_IN_LOCK = "PT601"
NOT_SATISFIED = "PT602"
NOBODY_NEEDS = "PT603"
REQUIREMENTS_CHANGED = "PT604"
CONSTRAINTS_DIFFER = "PT605"

#: The arrays of `[tool.uv]` in the root's manifest that hold the pins: a fresh clone has no `uv.lock` to go by.
CONSTRAINTS = "constraint-dependencies"
BUILD_CONSTRAINTS = "build-constraint-dependencies"

_REMEDY = "run `invoke lock` (or `partita lock`)"
_INTRODUCTION = (
    "# Every third-party distribution of this workspace, pinned, with the hashes of its files.",
    "# Made by `invoke lock` (`partita lock`), not by hand; `invoke lock --upgrade NAME` moves a pin.",
)
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)(?:\s*;\s*(.+))?\Z")
_REFERENCE = re.compile(r"([A-Za-z0-9._-]+) @ ([^;]+?)(?:\s+;\s*(.+))?\Z")
#: How `uv export` starts a line that stands for a folder of this repository.
_NO_DISTRIBUTION = ("#", "-e ", "./", "../", "/", "file:")
_DIGEST = re.compile(r"# requirements of (\S+): ([0-9a-f]+)\Z")


class Pin(NamedTuple):
    """One version of one distribution. `marker` says where it holds; two pins may share a name.

    `hashes` are ``sha256:…`` of its files; empty for a direct reference, whose `version` is ``@ URL``. `needed_by`
    are names of distributions and labels of requirements (see `label`), sorted.
    """

    name: str
    version: str
    marker: str = ""
    hashes: tuple[str, ...] = ()
    needed_by: tuple[str, ...] = ()

    def requirement(self) -> str:
        """As it is written into a requirements file or an array of constraints."""
        marker = f" ; {self.marker}" if self.marker else ""
        return f"{self.name} {self.version}{marker}" if self.is_reference() else f"{self.name}=={self.version}{marker}"

    def is_reference(self) -> bool:
        """Whether an address stands in the place of a version."""
        return self.version.startswith("@")


class Lock(NamedTuple):
    """The whole file. `python` is the range of Pythons it holds for; `digests` are (owner, digest). All sorted."""

    python: str
    digests: tuple[tuple[str, str], ...]
    pins: tuple[Pin, ...]

    def closure(self, names: Iterable[str]) -> tuple[Pin, ...]:
        """The pins of these distributions and of all they may need, whatever the extra or the platform."""
        needs: dict[str, list[str]] = {}
        for pin in self.pins:
            for other in pin.needed_by:
                needs.setdefault(other, []).append(pin.name)
        reached: set[str] = set()
        front = list(names)
        while front:
            name = front.pop()
            if name not in reached:
                reached.add(name)
                front += needs.get(name, [])
        return tuple(pin for pin in self.pins if pin.name in reached)


class Demand(NamedTuple):
    """What one manifest asks for. `owner` is a member's name, or ``workspace`` for a root that is no member.

    `settings` are the root's own rules for resolving, in any stable wording; empty for everybody else.
    """

    owner: str
    manifest: str
    python: str
    requirements: tuple[Requirement, ...]
    settings: str = ""

    def digest(self) -> str:
        """Changes whenever anything does that could change the pins, and only then."""
        asked = sorted((item.kind, item.group, item.text) for item in self.requirements)
        return hashlib.sha256(repr((self.python, asked, self.settings)).encode()).hexdigest()[:12]


def label(owner: str, requirement: Requirement) -> str:
    """Who needs it, told from a requirement: `botlib`, `botlib[postgres]`, `botlib:test`, `botlib(build)`."""
    if requirement.kind == "optional":
        return f"{owner}[{requirement.group}]"
    if requirement.kind == "build":
        return f"{owner}(build)"
    return f"{owner}:{requirement.group}" if requirement.kind == "dev" else owner


def parse_lock(text: str) -> Lock:
    """The value of a lock, or of what `uv export` prints. Raises PartitaError naming the line that is neither."""
    python = ""
    digests: list[tuple[str, str]] = []
    pins: list[Pin] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip().removesuffix("\\").strip()
        if line.startswith("# python: "):
            python = line.removeprefix("# python: ")
        elif found := _DIGEST.match(line):
            digests.append((found[1], found[2]))
        elif words.startswith("--hash=") and pins:
            pins[-1] = pins[-1]._replace(hashes=(*pins[-1].hashes, words.removeprefix("--hash=")))
        elif words.startswith("#") and line.startswith(" ") and pins:
            names = words.removeprefix("#").strip().removeprefix("via").replace(",", " ").split()
            pins[-1] = pins[-1]._replace(needed_by=(*pins[-1].needed_by, *names))
        elif found := _PIN.match(words):
            pins.append(Pin(normalise(found[1]), found[2], found[3] or ""))
        elif found := _REFERENCE.match(words):
            pins.append(Pin(normalise(found[1]), f"@ {found[2]}", found[3] or ""))
        elif words and not words.startswith(_NO_DISTRIBUTION):
            raise PartitaError(f"{FILE_NAME}:{number}: {words!r} is no pin; {_REMEDY}")
    return Lock(python, tuple(sorted(digests)), tuple(sorted(pins)))


def read_lock(root: str) -> Lock | None:
    """The lock of the repository at this root; None when it has none. Raises PartitaError when it cannot be read."""
    try:
        with open(os.path.join(root, FILE_NAME), encoding="utf-8-sig") as file:
            return parse_lock(file.read())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise PartitaError(f"{FILE_NAME}: cannot be read: {error}") from error


def render_lock(lock: Lock) -> str:
    """The text of the file. `parse_lock` of it is the lock again."""
    lines = [*_INTRODUCTION, "#", f"# python: {lock.python}"]
    lines += [f"# requirements of {owner}: {digest}" for owner, digest in lock.digests]
    for pin in lock.pins:
        lines.append(" \\\n".join([pin.requirement(), *(f"    --hash={value}" for value in pin.hashes)]))
        if pin.needed_by:
            lines.append(f"    # via {', '.join(pin.needed_by)}")
    return "\n".join(lines) + "\n"


def check_lock(lock: Lock, demands: Iterable[Demand], constraints: Mapping[str, Sequence[str]]) -> list[Finding]:
    """How the lock differs from what the manifests ask for now; nothing when it is fresh. Needs no network.

    `constraints` are the generated entries of the root's manifest by the name of their array.
    """
    demands = tuple(demands)
    findings = [finding for demand in demands for finding in _check_demand(lock, demand)]
    findings += _check_needs(lock, demands)
    findings += _check_digests(lock, demands, {finding.file for finding in findings})
    findings += _check_constraints(lock, constraints)
    return sorted(set(findings))


def constraints_of(lock: Lock) -> dict[str, list[str]]:
    """What the root's manifest must hold so that a fresh clone resolves to these pins, by the name of the array."""
    building = {pin.name for pin in lock.pins if any(name.endswith("(build)") for name in pin.needed_by)}
    chosen = {CONSTRAINTS: lock.pins, BUILD_CONSTRAINTS: lock.closure(building)}
    return {key: [pin.requirement() for pin in pins if not pin.is_reference()] for key, pins in chosen.items()}


def _check_demand(lock: Lock, demand: Demand) -> Iterator[Finding]:
    """Requirements that no pin meets."""
    from packaging.requirements import InvalidRequirement
    from packaging.requirements import Requirement as Parsed

    for item in demand.requirements:
        pins = [pin for pin in lock.pins if pin.name == item.name]
        place = (demand.manifest, item.line)
        if not pins:
            told = f"{item.text!r} is required here, and {FILE_NAME} holds no {item.name}"
            yield Finding(NOT_IN_LOCK, *place, told, _REMEDY, f"{demand.owner} {item.name}")
            continue
        try:
            allowed = Parsed(item.text).specifier
        except InvalidRequirement:
            continue  # a poetry key, or what reading the manifests has reported already
        if not any(pin.is_reference() or allowed.contains(pin.version, prereleases=True) for pin in pins):
            versions = " and ".join(pin.version for pin in pins)
            told = f"{item.text!r} is required here, and {FILE_NAME} holds {item.name} {versions}"
            yield Finding(NOT_SATISFIED, *place, told, _REMEDY, f"{demand.owner} {item.name}")


def _check_needs(lock: Lock, demands: Iterable[Demand]) -> Iterator[Finding]:
    """Pins that nobody asks for any more, not even another pin."""
    asked = {item.name for demand in demands for item in demand.requirements}
    needed = {pin.name for pin in lock.closure(asked)}
    for name in sorted({pin.name for pin in lock.pins} - needed):
        told = f"{name} is pinned, and no manifest asks for it"
        yield Finding(NOBODY_NEEDS, FILE_NAME, 0, told, _REMEDY, name)


def _check_digests(lock: Lock, demands: Iterable[Demand], told: set[str]) -> Iterator[Finding]:
    """Whatever else changed in a manifest: an extra, a marker, a range that the pin happens to lie in."""
    known = dict(lock.digests)
    manifests = {demand.owner: demand.manifest for demand in demands}
    digests = {demand.owner: demand.digest() for demand in demands}
    for owner in sorted({*known, *digests}):
        if known.get(owner) == digests.get(owner) or manifests.get(owner) in told:
            continue
        if owner not in digests:
            message = f"{FILE_NAME} was made when {owner} was there"
        else:
            since = "changed since" if owner in known else "were not there when"
            message = f"the requirements of {owner} {since} {FILE_NAME} was made"
        yield Finding(REQUIREMENTS_CHANGED, manifests.get(owner, FILE_NAME), 0, message, _REMEDY, owner)


def _check_constraints(lock: Lock, constraints: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    for key, expected in constraints_of(lock).items():
        actual = constraints.get(key, ())
        differing = sorted(set(expected).symmetric_difference(actual))
        if differing:
            told = f"[tool.uv] {key} and {FILE_NAME} differ in {differing[0]!r}"
            more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
            yield Finding(CONSTRAINTS_DIFFER, "pyproject.toml", 0, told + more, _REMEDY, key)
