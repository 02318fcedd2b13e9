"""Which third-party distribution an import comes from. Facts only: where nobody knows, there is no answer.

In this order: `[import-names]` of `workspace.toml`, what is installed, what is well known.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from partita.manifest import normalise, requirement_name
from partita.wellknown import DROPPED_FROM_STANDARD_LIBRARY, IMPORT_NAMES, LOADED_BY_OTHERS, OWN_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_STANDARD_LIBRARY = sys.stdlib_module_names | DROPPED_FROM_STANDARD_LIBRARY | {"__main__", "_typeshed"}
_SCRIPT_SECTIONS = frozenset({"console_scripts", "gui_scripts"})
_SECTION = re.compile(r"^\s*\[([^\]]+)\]\s*$", re.MULTILINE)
_PLUGIN_PREFIXES = ("flake8-", "mkdocs-", "pytest-", "sphinx-", "sphinxcontrib-", "tox-")
_MODULE_SUFFIXES = (".py", ".so", ".pyd")


class Distributions:
    """What is known about third-party distributions. Their names are normalised everywhere."""

    def __init__(self, named: Mapping[str, tuple[str, ...]], installed: Installed) -> None:
        self.named = named
        self.installed = installed

    def import_names(self, distribution: str) -> tuple[str, ...] | None:
        """Dotted prefixes of everything that can be imported from it, none for stubs; None when nobody knows."""
        if distribution in self.named:
            return self.named[distribution]
        if stubbed_name(distribution):
            return ()
        return self.installed.import_names(distribution) or _well_known_names(distribution)

    def provides(self, distribution: str, name: str) -> bool:
        """Whether this import name comes from the distribution, as far as anybody knows.

        Where nobody does, a distribution provides the name that equals its own.
        """
        prefixes = self.import_names(distribution)
        if prefixes is None:
            return distribution in _own_names(name)
        return any(_overlap(prefix, name) for prefix in prefixes)

    def providers(self, name: str) -> tuple[str, ...]:
        """The known distributions that this import name may come from, the closest match first."""
        candidates = {*self.named, *self.installed.names(), *IMPORT_NAMES, *(set(_own_names(name)) & OWN_NAME)}
        depths = {distribution: self._depth(distribution, name) for distribution in candidates}
        deepest = max(depths.values(), default=0)
        return tuple(sorted(d for d, depth in depths.items() if depth and depth == deepest))

    def works_unimported(self, distribution: str) -> bool:
        """Whether it serves those who never import it: plug-ins that register themselves, data, stubs."""
        return (
            distribution in LOADED_BY_OTHERS
            or distribution.startswith(_PLUGIN_PREFIXES)
            or stubbed_name(distribution) is not None
            or self.installed.is_plugin(distribution)
        )

    def _depth(self, distribution: str, name: str) -> int:
        prefixes = self.import_names(distribution) or ()
        return max((len(prefix) for prefix in prefixes if name == prefix or name.startswith(prefix + ".")), default=0)


class Installed:
    """The distributions in some folders of installed packages; each is read when it is first asked about."""

    def __init__(self, folders: Iterable[str]) -> None:
        self.folders = tuple(folders)
        self._places: dict[str, str] | None = None
        self._import_names: dict[str, tuple[str, ...]] = {}

    def names(self) -> tuple[str, ...]:
        """What is installed, sorted."""
        return tuple(sorted(self._folders_by_name()))

    def import_names(self, distribution: str) -> tuple[str, ...]:
        """Dotted prefixes of what it installed; empty when it is not installed or keeps no record of it."""
        if distribution not in self._import_names:
            names = parse_record(self._read(distribution, "RECORD"))
            listed = self._read(distribution, "top_level.txt").split()
            self._import_names[distribution] = names or tuple(sorted(filter(str.isidentifier, listed)))
        return self._import_names[distribution]

    def requires(self, distribution: str) -> tuple[str, ...]:
        """What it needs without any extra, whatever the platform."""
        return parse_requires(self._read(distribution, "METADATA"))

    def is_plugin(self, distribution: str) -> bool:
        """Whether it has entry points besides scripts."""
        sections = _SECTION.findall(self._read(distribution, "entry_points.txt"))
        return any(section.strip() not in _SCRIPT_SECTIONS for section in sections)

    def _folders_by_name(self) -> dict[str, str]:
        if self._places is None:
            self._places = {}
            for folder in self.folders:
                for name, place in _metadata_folders(folder):
                    self._places.setdefault(name, place)
        return self._places

    def _read(self, distribution: str, file: str) -> str:
        place = self._folders_by_name().get(distribution)
        if place is None:
            return ""
        try:
            with open(os.path.join(place, file), encoding="utf-8", errors="replace") as opened:
                return opened.read()
        except OSError:
            return ""


def find_installed(root: str) -> Installed:
    """What is installed for the repository at `root`: in its own `.venv` when there is one, and where we run."""
    own = []
    for library in ("lib", "lib64", "Lib"):
        place = os.path.join(root, ".venv", library)
        names = sorted(os.listdir(place)) if os.path.isdir(place) else []
        own += [os.path.join(place, name, "site-packages") for name in names if name.startswith("python")]
        own += [os.path.join(place, name) for name in names if name == "site-packages"]
    return Installed(dict.fromkeys([*own, *sys.path]))


def is_standard_library(name: str) -> bool:
    """Whether an import name belongs to Python itself, this version's or an older one's."""
    return name.partition(".")[0] in _STANDARD_LIBRARY


def stubbed_name(distribution: str) -> str | None:
    """The distribution that a stub distribution describes: `types-requests` and `requests-stubs` -> `requests`."""
    if distribution.startswith("types-"):
        return distribution.removeprefix("types-")
    return distribution.removesuffix("-stubs") if distribution.endswith("-stubs") else None


def parse_record(text: str) -> tuple[str, ...]:
    """The content of a RECORD file -> dotted prefixes of what can be imported, sorted.

    A prefix ends at the first folder with an `__init__`, so parts of shared namespaces are told apart.
    """
    files = [parts for line in text.splitlines() if (parts := _module_parts(line))]
    packages = {parts[:-1] for parts in files if parts[-1] == "__init__"}
    return tuple(sorted({".".join(_shortest(parts, packages)) for parts in files}))


def parse_requires(text: str) -> tuple[str, ...]:
    """The content of a METADATA file -> normalised names of what it requires without any extra, sorted."""
    names = set()
    for line in text.partition("\n\n")[0].splitlines():
        field, _, value = line.partition(":")
        name = requirement_name(value) if field == "Requires-Dist" and "extra ==" not in value else None
        if name:
            names.add(name)
    return tuple(sorted(names))


def _well_known_names(distribution: str) -> tuple[str, ...] | None:
    if distribution in OWN_NAME:
        return (distribution.replace("-", "_"),)
    names = IMPORT_NAMES.get(distribution)
    return None if names is None else tuple(names.split())


def _overlap(prefix: str, name: str) -> bool:
    """Whether one is the other or stands above it: `google.cloud` may mean `google.cloud.storage`."""
    return prefix == name or name.startswith(prefix + ".") or prefix.startswith(name + ".")


def _own_names(name: str) -> tuple[str, ...]:
    """The distributions that an import name equals: `azure.identity.aio` -> azure, azure-identity, …"""
    parts = name.split(".")
    return tuple(normalise("-".join(parts[:end])) for end in range(1, len(parts) + 1))


def _metadata_folders(folder: str) -> Iterator[tuple[str, str]]:
    try:
        entries = sorted(os.listdir(folder or "."))
    except OSError:
        return
    for entry in entries:
        if entry.endswith((".dist-info", ".egg-info")):
            yield normalise(entry.partition("-")[0].removesuffix(".egg")), os.path.join(folder, entry)


def _module_parts(line: str) -> tuple[str, ...]:
    path = line.rpartition(",")[0].rpartition(",")[0].strip('"')
    if not path.endswith(_MODULE_SUFFIXES):
        return ()
    *folders, file = path.split("/")
    parts = (*folders, file.partition(".")[0])
    generated = parts[0].startswith("__editable__") or parts[-1].endswith("__mypyc")
    return () if generated or not all(map(str.isidentifier, parts)) else parts


def _shortest(parts: tuple[str, ...], packages: set[tuple[str, ...]]) -> tuple[str, ...]:
    return next((parts[:end] for end in range(1, len(parts)) if parts[:end] in packages), parts)
