"""Environments made of wheels and locked distributions, kept outside the tree by what went into them."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import sysconfig
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from partita.cache import cache_folder
from partita.lock import Lock, render_lock
from partita.locks import hold, try_to_hold
from partita.uv import attempt_uv, run_uv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from partita.lock import Pin
    from partita.wheels import Wheel

_FORMAT = 1
_KEPT = 4  # environments a name
_COMPLETE = "partita-complete"


class Ingredients(NamedTuple):
    """What goes into an environment.

    `wheels` (by name) are what a requirement on a member is met with, if there is one; `requirements` are installed
    with all they need. `lock` pins every third party; None leaves them to the resolver. With `lowest`, requirements
    get the lowest version that they allow, and all else nothing above the lock.
    """

    wheels: Mapping[str, Wheel]
    requirements: tuple[str, ...]
    lock: Lock | None
    lowest: bool = False

    def key(self) -> str:
        """The same for what would make the same environment on this machine."""
        places = {f"file://{wheel.path}": wheel.digest for wheel in self.wheels.values()}
        wanted = []
        for requirement in self.requirements:
            name, _, address = requirement.partition(" @ ")
            wanted.append(f"{name} @ {places[address]}" if address in places else requirement)
        digests = sorted((wheel.name, wheel.digest) for wheel in self.wheels.values())
        parts = (_FORMAT, circumstances(), digests, sorted(wanted), self.pins(), self.lowest)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def pins(self) -> tuple[Pin, ...]:
        """The slice of the lock that may be installed."""
        from partita.manifest import requirement_name

        asked = [*self.requirements, *(text for wheel in self.wheels.values() for text in wheel.requires)]
        names = filter(None, map(requirement_name, asked))
        return self.lock.closure(names) if self.lock else ()


class Environment(NamedTuple):
    """A virtual environment. `fresh` tells that it was made just now."""

    folder: str
    python: str
    packages: str
    fresh: bool


def circumstances() -> tuple[str, ...]:
    """Which Python, on which platform, decides about everything that is installed or tested here."""
    import platform

    return (sys.version, sys.base_prefix, sys.platform, platform.machine())


@contextmanager
def open_environment(root: str, name: str, ingredients: Ingredients) -> Iterator[Environment]:
    """The environment with these ingredients, made when there is none yet. It is not removed while in use.

    `name` groups the environments that replace each other: the latest few are kept. Raises PartitaError when
    the ingredients do not go together.
    """
    shelf = os.path.join(cache_folder(root), "environments", name)
    folder = os.path.join(shelf, ingredients.key())
    fresh = False
    while True:
        with hold(f"{folder}.lock", shared=True):
            if os.path.exists(os.path.join(folder, _COMPLETE)):
                os.utime(folder)
                yield Environment(folder, _python(folder), _packages(folder), fresh)
                return
        with hold(f"{folder}.lock"):
            if not os.path.exists(os.path.join(folder, _COMPLETE)):
                shutil.rmtree(folder, ignore_errors=True)
                _create(root, folder, ingredients)
                fresh = True
        _prune(shelf)


def _create(root: str, folder: str, ingredients: Ingredients) -> None:
    run_uv(["venv", "--quiet", "--no-project", "--python", sys.executable, folder], root)
    constraints = os.path.join(folder, "constraints.txt")
    with open(constraints, "w", encoding="utf-8") as file:
        file.write(_bounds(ingredients))
        file.writelines(f"{wheel.requirement()}\n" for wheel in ingredients.wheels.values() if wheel.path)
    words = ["pip", "install", "--quiet", "--python", _python(folder), "--constraints", constraints]
    if ingredients.lowest:
        words += ["--resolution", "lowest-direct"]
        root = folder  # within the workspace, uv would add the pins of its manifest
    words += ingredients.requirements
    if ingredients.requirements and not _install_offline(ingredients, words, root):
        run_uv(words, root)
    with open(os.path.join(folder, _COMPLETE), "w", encoding="utf-8") as file:
        file.write(ingredients.key())


def _bounds(ingredients: Ingredients) -> str:
    if ingredients.lock is None:
        return ""
    if not ingredients.lowest:
        return render_lock(ingredients.lock)
    pins = [pin for pin in ingredients.lock.pins if not pin.is_reference()]
    return "".join(f"{pin.requirement().replace('==', '<=', 1)}\n" for pin in pins)


def _install_offline(ingredients: Ingredients, words: Sequence[str], root: str) -> bool:
    """Where a lock decides what is installed, asking the index costs time and tells nothing new."""
    sure = ingredients.lock is not None and not ingredients.lowest
    return sure and attempt_uv([*words, "--offline"], root).returncode == 0


def _python(folder: str) -> str:
    place = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    return os.path.join(folder, place)


def _packages(folder: str) -> str:
    return sysconfig.get_path("purelib", "venv", {"base": folder, "platbase": folder})


def _prune(shelf: str) -> None:
    """Remove all but the environments that were used last; one in use stays."""
    try:
        places = sorted((entry.path for entry in os.scandir(shelf) if entry.is_dir()), key=os.path.getmtime)
    except OSError:
        return  # another run prunes at this moment
    for place in places[:-_KEPT]:
        with try_to_hold(f"{place}.lock") as alone:
            if alone:
                shutil.rmtree(place, ignore_errors=True)
                os.unlink(f"{place}.lock")
