"""Where manifests may stand: what the uv workspace lists, else every `pyproject.toml` below the root."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from partita.errors import PartitaError
from partita.findings import LEGACY_MANIFEST, UNREADABLE_FOLDER, Finding
from partita.manifest import Manifest, parse_manifest
from partita.tree import SKIPPED_FOLDERS, Tree, join

if TYPE_CHECKING:
    from collections.abc import Iterator

_MANIFEST = "pyproject.toml"
_LEGACY = ("setup.cfg", "setup.py")
_SETUP_NAME = re.compile(r"""^\s*name\s*=\s*["']?([A-Za-z0-9._-]+)["']?\s*,?\s*$""", re.MULTILINE)


def has_workspace_table(tree: Tree) -> bool:
    """Whether the manifest at the root of this tree declares a uv workspace."""
    try:
        source = tree.read(_MANIFEST)
    except OSError:
        return False
    return b"tool.uv" in source and parse_manifest(source, _MANIFEST).workspace_members is not None


def find_manifests(tree: Tree) -> tuple[list[str], list[Finding]]:
    """Folders that may hold a manifest, sorted, and what was met on the way.

    Raises PartitaError when the root's own manifest is broken: nothing below it can be trusted then.
    """
    problems: list[Finding] = []
    root = _root_manifest(tree)
    if root is None or root.workspace_members is None:
        folders = list(_walk(tree, ".", problems))
    else:
        included = {folder for pattern in root.workspace_members for folder in _expand(tree, pattern)}
        excluded = [_pattern(pattern) for pattern in root.workspace_exclude]
        folders = [folder for folder in included if not any(pattern.fullmatch(folder) for pattern in excluded)]
        folders.append(".")
    return sorted(set(folders)), problems


def find_legacy(tree: Tree, folder: str) -> list[Finding]:
    """A package that only setuptools' own files describe is told with the name that can be read statically."""
    for file in _LEGACY:
        path = join(folder, file)
        try:
            text = tree.read(path).decode("utf-8", "replace")
        except OSError:
            continue
        found = _SETUP_NAME.search(text)
        told = f" ({found[1]!r})" if found else ""
        message = f"the package{told} has no pyproject.toml; what {file} computes is unknown, so it is no member"
        return [Finding(LEGACY_MANIFEST, path, 0, message, subject=folder)]
    return []


def _root_manifest(tree: Tree) -> Manifest | None:
    try:
        source = tree.read(_MANIFEST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PartitaError(f"{_MANIFEST}: cannot be read: {error.strerror}") from error
    manifest = parse_manifest(source, _MANIFEST)
    broken = [problem for problem in manifest.problems if problem.code == "PT001"]
    if broken:
        raise PartitaError(*(f"{problem.file}:{problem.line}: {problem.message}" for problem in broken))
    return manifest


def _walk(tree: Tree, folder: str, problems: list[Finding]) -> Iterator[str]:
    """Every folder with a manifest; hidden and generated folders are not entered, links not followed."""
    stack = [folder]
    while stack:
        here = stack.pop()
        try:
            entries = tree.entries(here)
        except OSError as error:
            problems.append(Finding(UNREADABLE_FOLDER, here, 0, f"the folder cannot be read: {error.strerror}"))
            continue
        names = {name for name, is_folder in entries if not is_folder}
        if _MANIFEST in names:
            yield here
        elif names.intersection(_LEGACY):
            problems += find_legacy(tree, here)
        stack += [
            join(here, name)
            for name, is_folder in entries
            if is_folder and not name.startswith(".") and name not in SKIPPED_FOLDERS
        ]


def _expand(tree: Tree, pattern: str) -> Iterator[str]:
    """Folders that match a pattern of a uv workspace: `*` within one path part, `**` over any number."""
    folders = ["."]
    for part in pattern.strip("/").split("/"):
        if part in ("", "."):
            continue
        if part == "**":
            folders = [below for folder in folders for below in _below(tree, folder)]
        elif any(sign in part for sign in "*?["):
            matches = _pattern(part)
            folders = [join(f, name) for f in folders for name in _subfolders(tree, f) if matches.fullmatch(name)]
        else:
            folders = [join(folder, part) for folder in folders if tree.exists(join(folder, part))]
    yield from folders


def _subfolders(tree: Tree, folder: str) -> list[str]:
    try:
        entries = tree.entries(folder)
    except OSError:
        return []
    visible = [entry for entry in entries if not entry[0].startswith(".") and entry[0] not in SKIPPED_FOLDERS]
    return [name for name, is_folder in visible if is_folder or tree.is_linked_folder(folder, name)]


def _below(tree: Tree, folder: str) -> Iterator[str]:
    yield folder
    for name in _subfolders(tree, folder):
        yield from _below(tree, join(folder, name))


def _pattern(glob: str) -> re.Pattern[str]:
    """A glob of path parts as an expression over whole relative paths."""
    translated = ""
    for token in re.findall(r"\*\*/?|\[[^\]]*\]|.", glob.strip("/")):
        if token.startswith("**"):
            translated += "(?:.*/)?" if token.endswith("/") else ".*"
        elif token == "*":
            translated += "[^/]*"
        elif token == "?":
            translated += "[^/]"
        elif token.startswith("[") and len(token) > 1:
            translated += token.replace("[!", "[^", 1)
        else:
            translated += re.escape(token)
    return re.compile(translated, re.DOTALL)
