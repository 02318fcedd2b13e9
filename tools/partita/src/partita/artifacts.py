"""What would be published of a member: its sdist, the wheel made from that, and what is in them."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING
from zipfile import ZipFile

from partita.findings import Finding
from partita.lock import FILE_NAME
from partita.uv import run_uv
from partita.wheels import build_wheel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from partita.workspace import Member, Workspace

INCOMPLETE_SDIST = "PT631"
UNTYPED_WHEEL = "PT632"
TESTS_IN_WHEEL = "PT633"

_TESTS = frozenset({"tests", "test", "conftest.py"})


def check_artifacts(workspace: Workspace, member: Member) -> tuple[Finding, ...]:
    """Build everything and look inside. Raises PartitaError with the words of the build backend."""
    files = _list_files(build_wheel(workspace, member).path)
    locked = ["--build-constraints", workspace.tree.absolute(FILE_NAME)] if workspace.tree.exists(FILE_NAME) else []
    build = ["build", "--quiet", "--python", sys.executable, *locked]
    with tempfile.TemporaryDirectory(prefix="partita-build-") as folder:
        source = workspace.tree.absolute(member.folder)
        run_uv([*build, "--sdist", "--out-dir", f"{folder}/sdist", source], workspace.root)
        shutil.unpack_archive(_find(f"{folder}/sdist", ".tar.gz", ".zip"), f"{folder}/unpacked", filter="data")
        unpacked = os.path.join(f"{folder}/unpacked", os.listdir(f"{folder}/unpacked")[0])
        run_uv([*build, "--wheel", "--out-dir", f"{folder}/wheel", unpacked], unpacked)
        again = _list_files(_find(f"{folder}/wheel", ".whl"))
    typed = {name for name in member.imports if workspace.tree.exists(f"{member.import_root}/{name}/py.typed")}
    return tuple(sorted(judge_files(member, files, again, typed)))


def judge_files(
    member: Member, files: Collection[str], from_sdist: Collection[str], typed: Collection[str]
) -> Iterator[Finding]:
    """What is wrong with the files in a wheel and in the one made from the sdist. `typed` are its typed packages."""
    for name in sorted(set(files) ^ set(from_sdist)):
        only = f"only the wheel made from the sdist holds {name}"
        told = only if name in from_sdist else f"the wheel made from the sdist does not hold {name}"
        remedy = "tell the build backend what belongs into both"
        yield Finding(INCOMPLETE_SDIST, member.manifest, 0, told, remedy, f"{member.name} {name}")
    for name in typed:
        if f"{name}/py.typed" not in files:
            told = f"the wheel does not hold {name}/py.typed, so its types are lost"
            yield Finding(
                UNTYPED_WHEEL, member.manifest, 0, told, "add it to the package data", f"{member.name} {name}"
            )
    for top in sorted({file.partition("/")[0] for file in files} & _TESTS):
        told = f"the wheel installs {top} beside the package, where it meets that of others"
        yield Finding(TESTS_IN_WHEEL, member.manifest, 0, told, "leave it out of the wheel", f"{member.name} {top}")


def _find(folder: str, *endings: str) -> str:
    return os.path.join(folder, next(name for name in os.listdir(folder) if name.endswith(endings)))


def _list_files(path: str) -> frozenset[str]:
    with ZipFile(path) as archive:
        names = archive.namelist()
    return frozenset(name for name in names if not name.endswith(("/", ".dist-info/RECORD")))
