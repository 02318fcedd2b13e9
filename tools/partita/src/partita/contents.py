"""What a member consists of, and digests of it: the base of every decision not to build or test again.

Better one file too many than one too few: a file counts unless it is sure to be made by a tool.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from partita.errors import PartitaError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partita.workspace import Member, Workspace

_GENERATED = frozenset(
    {
        "__pycache__", ".git", ".hg", ".svn", ".venv", "venv", ".nox", ".tox", ".partita", ".hypothesis",
        ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules",
    }
)  # fmt: skip
_LEGACY = ("setup.py", "setup.cfg")
_BUILT = frozenset({"build", "dist"})
_TEST_FOLDERS = ("tests", "test")
_TEST_SETTINGS = ("pyproject.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "conftest.py")


def is_built(workspace: Workspace, member: Member) -> bool:
    """Whether a build makes a package of this member; else it is only a folder with requirements.

    uv and poetry take a project for none when it says so. Without a build system it is one for the sake of an old
    `setup.py` or `setup.cfg` only.
    """
    document = _read_manifest(workspace, member)
    tools = document.get("tool", {})
    if tools.get("uv", {}).get("package") is False or tools.get("poetry", {}).get("package-mode") is False:
        return False
    return "build-system" in document or any(workspace.tree.exists(_join(member.folder, name)) for name in _LEGACY)


def is_isolated(workspace: Workspace, member: Member) -> bool:
    """Whether the tests of this member run alone. Those in a root that is no package cross packages by nature."""
    return member.folder != "." or is_built(workspace, member)


def source_files(workspace: Workspace, member: Member) -> tuple[str, ...]:
    """Every file that a build of this member may take up, sorted, relative to the root.

    What lies in the folder of another member is that member's. With a `src` folder, the tests beside it are not among
    them; without one, a build may well take them up.
    """
    others = {other.folder for other in workspace.members if other.folder != member.folder}
    skipped = {_join(member.folder, name) for name in _BUILT} | others
    if member.import_root != member.folder:
        skipped |= set(test_folders(workspace, member))
    return tuple(sorted(_walk(workspace.root, member.folder, frozenset(skipped))))


def test_files(workspace: Workspace, member: Member) -> tuple[str, ...]:
    """Every file that the tests of this member may read, sorted, relative to the root.

    Its test folders, settings of pytest from here up to the root, and what its manifest names in
    ``[tool.partita] test-data``: files or folders elsewhere, relative to the root. Raises PartitaError where one of
    those does not exist.
    """
    folders = (*test_folders(workspace, member), *_test_data(workspace, member))
    found = {file for folder in folders for file in _walk(workspace.root, folder, frozenset())}
    folder = member.folder
    while True:
        found |= {path for name in _TEST_SETTINGS if os.path.isfile(_absolute(workspace, path := _join(folder, name)))}
        if folder == ".":
            return tuple(sorted(found))
        folder = os.path.dirname(folder) or "."


def test_folders(workspace: Workspace, member: Member) -> tuple[str, ...]:
    """The folders with this member's tests: those named `tests` or `test` directly below its own."""
    folders = (_join(member.folder, name) for name in _TEST_FOLDERS)
    return tuple(folder for folder in folders if os.path.isdir(_absolute(workspace, folder)))


def digest_files(root: str, files: Iterable[str]) -> str:
    """A digest of names and contents. Raises PartitaError when a file cannot be read."""
    whole = hashlib.sha256()
    for file in files:
        try:
            with open(os.path.join(root, file), "rb", buffering=0) as opened:
                content = hashlib.file_digest(opened, "sha256").digest()
        except FileNotFoundError:  # a link to nothing, or a file that another program just removed
            content = b"nothing"
        except OSError as error:
            raise PartitaError(
                f"{file}: cannot be read, so nothing can be told about its tests: {error.strerror}"
            ) from error
        whole.update(f"{len(file)} {file} {len(content)} ".encode("utf-8", "surrogateescape") + content)
    return whole.hexdigest()


def _test_data(workspace: Workspace, member: Member) -> list[str]:
    named = _read_manifest(workspace, member).get("tool", {}).get("partita", {}).get("test-data", [])
    paths = named if isinstance(named, list) else [named]
    for path in paths:
        if not isinstance(path, str) or not workspace.tree.exists(path.rstrip("/")):
            raise PartitaError(f"{member.manifest}: [tool.partita] test-data names {path!r}, which does not exist")
    return [path.rstrip("/") for path in paths]


def _read_manifest(workspace: Workspace, member: Member) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(workspace.tree.read(member.manifest).decode("utf-8-sig"))


def _walk(root: str, folder: str, skipped: frozenset[str]) -> list[str]:
    """Files below a folder. Links are followed, as builds do, but no folder is entered twice."""
    if os.path.isfile(os.path.join(root, folder)):
        return [folder]
    files: list[str] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(os.path.join(root, folder), followlinks=True, onerror=_refuse):
        here = os.path.relpath(place, root).replace(os.sep, "/")
        files += [_join(here, name) for name in names if not name.endswith((".pyc", ".pyo"))]
        seen.add(os.path.realpath(place))
        folders[:] = [
            name
            for name in folders
            if name not in _GENERATED
            and not name.endswith(".egg-info")
            and _join(here, name) not in skipped
            and os.path.realpath(os.path.join(place, name)) not in seen
        ]
    return files


def _refuse(error: OSError) -> None:
    raise PartitaError(f"{error.filename}: cannot be read, so nothing can be told about its tests: {error.strerror}")


def _absolute(workspace: Workspace, path: str) -> str:
    return os.path.join(workspace.root, path)


def _join(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder}/{name}"
