"""A folder of wheels for tests to install from, so that real installers work without an index.

A wheel is made from a mapping, or taken from what is installed where the tests run. A `conftest.py` imports the
fixtures; nothing here is used outside tests.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from importlib.metadata import distribution
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pytest as it is installed here, and with `alpha` and `beta`, 1.0 and 2.0 of each."""
    folder = tmp_path_factory.mktemp("wheels")
    repack(str(folder), ["pytest"])
    for name in ("alpha", "beta"):
        for version in ("1.0", "2.0"):
            make_wheel(str(folder), name, version, files={f"{name}.py": f"VERSION = {version!r}\n"})
    return folder


@pytest.fixture
def offline(wheels: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Uv installs from `wheels` alone, and caches apart from a person's own; returns the folder."""
    cache = str(tmp_path_factory.getbasetemp() / "uv")
    settings = {"UV_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_CACHE_DIR": cache}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return wheels


def make_wheel(
    folder: str, name: str, version: str = "1.0", requires: Iterable[str] = (), files: Mapping[str, str] | None = None
) -> str:
    """A wheel of pure Python; without `files` it holds one empty module of its own name. Returns its path."""
    module = name.replace("-", "_")
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    contents = {path: text.encode() for path, text in (files or {f"{module}.py": ""}).items()}
    contents[f"{module}-{version}.dist-info/METADATA"] = "\n".join([*lines, ""]).encode()
    return _write(folder, module, version, contents)


def repack(folder: str, names: Iterable[str]) -> None:
    """Wheels of installed distributions and of everything that they need here, as they are installed."""
    waiting, done = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        found = distribution(name)
        contents = {
            file.as_posix(): file.read_binary()
            for file in found.files or ()
            if ".." not in file.parts
            and file.suffix != ".pyc"
            and file.name not in ("RECORD", "INSTALLER", "REQUESTED")
        }
        _write(folder, re.sub(r"[-_.]+", "_", found.name), found.version, contents)
        waiting += _needed(found.requires or ())


def _needed(requires: Iterable[str]) -> list[str]:
    from packaging.requirements import Requirement

    parsed = map(Requirement, requires)
    return [item.name for item in parsed if item.marker is None or item.marker.evaluate({"extra": ""})]


def _write(folder: str, module: str, version: str, contents: Mapping[str, bytes]) -> str:
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{module}-{version}-py3-none-any.whl")
    information = next(path.partition("/")[0] for path in contents if ".dist-info/" in path)
    whole = dict(contents)
    whole[f"{information}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: wheelhouse\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = [f"{name},{_hash(content)},{len(content)}" for name, content in sorted(whole.items())]
    whole[f"{information}/RECORD"] = "\n".join([*record, f"{information}/RECORD,,", ""]).encode()
    with ZipFile(path, "w") as archive:
        for name, content in whole.items():
            archive.writestr(name, content)
    return path


def _hash(content: bytes) -> str:
    return f"sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()}"
