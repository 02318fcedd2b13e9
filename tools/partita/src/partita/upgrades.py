"""What a changed lock file means: which distributions differ, and who needs them. Pure: bytes in, values out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from partita.errors import PartitaError
from partita.manifest import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Lock files at the root whose changes can be narrowed to the distributions they concern.
LOCK_FILES = ("requirements.lock", "uv.lock")

_LABEL = re.compile(r"([A-Za-z0-9._-]+)(?:\[(?P<extra>.*)\]|(?P<build>\(build\))|:(?P<group>.*))?\Z")


class Need(NamedTuple):
    """Who needs a distribution: a member or another distribution, and the kind of that dependency."""

    name: str
    kind: str


class Upgrade(NamedTuple):
    """How two versions of a lock file differ.

    `changed` has one sentence for each distribution whose versions, markers or files differ; `needs` tells who needs
    a distribution in either version. `unknown` says why the change cannot be narrowed, when it cannot.
    """

    changed: dict[str, str]
    needs: dict[str, tuple[Need, ...]]
    unknown: str | None


class _Pins(NamedTuple):
    """One lock file: name -> facts (version first), name -> needs, and what holds for all of them."""

    facts: dict[str, tuple[str, ...]]
    needs: dict[str, set[Need]]
    common: str


def compare_locks(path: str, before: bytes | None, after: bytes | None) -> Upgrade:
    """The difference between two contents of a lock file; None stands for a file that is not there."""
    if before is None or after is None:
        return Upgrade({}, {}, f"{path} is {'new' if before is None else 'gone'}")
    try:
        old, new = _read(path, before), _read(path, after)
    except (ValueError, TypeError, KeyError, AttributeError, PartitaError) as error:
        return Upgrade({}, {}, f"{path} cannot be read ({error})")
    if old.common != new.common:
        return Upgrade({}, {}, f"{path} changed in more than its pins")
    names = sorted({*old.facts, *new.facts})
    facts = {name: (old.facts.get(name, ()), new.facts.get(name, ())) for name in names}
    changed = {name: _sentence(path, name, *pair) for name, pair in facts.items() if pair[0] != pair[1]}
    if changed and not all(any(pins.needs.values()) for pins in (old, new)):
        return Upgrade({}, {}, f"{path} changed, and it does not tell who needs what")
    needs = {name: tuple(sorted(old.needs.get(name, set()) | new.needs.get(name, set()))) for name in names}
    return Upgrade(changed, needs, None)


def _sentence(path: str, name: str, before: tuple[str, ...], after: tuple[str, ...]) -> str:
    old, new = _versions(before), _versions(after)
    if not after:
        return f"{path} no longer has {name} {old}"
    if not before:
        return f"{path} now has {name} {new}"
    return (
        f"{path} has {name} {new} instead of {old}" if old != new else f"{path} has other files or markers for {name}"
    )


def _versions(facts: Iterable[str]) -> str:
    return " and ".join(sorted({fact.partition(" ")[0] for fact in facts}))


def _read(path: str, content: bytes) -> _Pins:
    text = content.decode("utf-8-sig").replace("\r\n", "\n")
    return _read_uv_lock(text) if path == "uv.lock" else _read_requirements_lock(text)


def _read_requirements_lock(text: str) -> _Pins:
    from partita.lock import parse_lock  # a changed lock is rare

    lock = parse_lock(text)
    facts: dict[str, list[str]] = {}
    needs: dict[str, set[Need]] = {}
    for pin in lock.pins:
        facts.setdefault(pin.name, []).append(" ".join([pin.version, pin.marker, *sorted(pin.hashes)]))
        needs.setdefault(pin.name, set()).update(map(_parse_label, pin.needed_by))
    return _Pins(_sorted(facts), needs, lock.python)


def _parse_label(label: str) -> Need:
    """`botlib` -> runtime, `botlib[postgres]` -> optional, `botlib:test` -> dev, `botlib(build)` -> build."""
    found = _LABEL.match(label)
    if found is None:
        raise ValueError(f"{label!r} does not name who needs a pin")
    kinds = {"extra": "optional", "build": "build", "group": "dev"}
    return Need(normalise(found[1]), next((kinds[key] for key in kinds if found[key] is not None), "runtime"))


def _read_uv_lock(text: str) -> _Pins:
    import tomllib  # a changed lock is rare

    document = tomllib.loads(text)
    packages = document.pop("package", [])
    document.pop("revision", None)  # says nothing about what is pinned
    document.get("manifest", {}).pop("members", None)  # a member's manifest tells that it came or went
    facts: dict[str, list[str]] = {}
    needs: dict[str, set[Need]] = {}
    for package in packages:
        name = normalise(package["name"])
        facts.setdefault(name, []).append(f"{package.get('version', '?')} {package!r}")
        for needed, kind in _uv_dependencies(package):
            needs.setdefault(needed, set()).add(Need(name, kind))
    return _Pins(_sorted(facts), needs, repr(document))


def _uv_dependencies(package: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for item in package.get("dependencies", []):
        yield normalise(item["name"]), "runtime"
    for key, kind in (("optional-dependencies", "optional"), ("dev-dependencies", "dev")):
        for items in package.get(key, {}).values():
            for item in items:
                yield normalise(item["name"]), kind


def _sorted(facts: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(sorted(said)) for name, said in facts.items()}
