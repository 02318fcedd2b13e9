"""A new member from a template: its files, and every other file that has to know of it, as one plan."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from partita.configuration import FILE_NAME as CONFIGURATION
from partita.edits import add_to_array, set_value
from partita.errors import PartitaError
from partita.manifest import normalise, parse_manifest
from partita.names import Names, create_names, find_name_problems, matches_member
from partita.placement import find_application_problems, find_requirement_problems, find_tier_problems
from partita.template import (
    PLACES,
    VERSIONS_FOLDER,
    Template,
    find_kinds,
    read_template,
    render_template,
    store_version,
)
from partita.writing import Plan, plan_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from partita.edits import Path, Value
    from partita.workspace import Workspace

DEFAULT_KIND = "service"
#: Where versions of Partita's own templates are kept in a repository that has no template folder.
_OWN_HOME = ".templates"
_MANIFEST = "pyproject.toml"
_PYTHON = ">=3.11"  # for a root that does not say which Pythons it is for
_SPECIFIER = re.compile(r"[A-Za-z0-9._-]+\s*(?:\[[^\]]*\])?\s*([^;]*?)\s*(?:;|\Z)")
_EXTRAS_OF = re.compile(r"\s*([A-Za-z0-9._-]+)\s*\[([^\]]*)\](.*)\Z")
_ORIGIN = "Where this package came from; `partita scaffold --update` brings changes of the template in."


class Request(NamedTuple):
    """What is asked for. An empty `tier` is the one that the template or the configuration names."""

    name: str
    kind: str = DEFAULT_KIND
    tier: str = ""
    requires: tuple[str, ...] = ()


class Newcomer(NamedTuple):
    """A member to be: everything about it that was decided before a file is written."""

    names: Names
    template: Template
    tier: str
    requires: tuple[str, ...]
    application: str


def plan_member(workspace: Workspace, request: Request) -> tuple[Newcomer, Plan]:
    """Decide everything about a new member and plan all files that it needs.

    Raises PartitaError with every reason why it cannot be made as asked.
    """
    newcomer = _decide(workspace, request)
    template, folder = newcomer.template, newcomer.names.folder
    values = placeholders(workspace, newcomer.names, template.kind, newcomer.tier, newcomer.requires)
    files = render_template(template, values)
    edits = _Edits(workspace, {f"{folder}/{path}": file.content for path, file in files.items()})
    _declare(edits, newcomer)
    _register(edits, newcomer)
    name, stored = store_version(template)
    edits.contents[f"{versions_folder(workspace)}/{name}"] = stored
    executable = {f"{folder}/{path}" for path, file in files.items() if file.executable}
    return newcomer, plan_changes(workspace.root, edits.contents, executable=executable, based_on=edits.sources)


def placeholders(
    workspace: Workspace, names: Names, kind: str, tier: str, requires: Sequence[str] = ()
) -> dict[str, str]:
    """What a template may ask for. `requires` are the members asked for when a member is made, ``none`` without."""
    return {
        "name": names.name,
        "distribution": names.distribution,
        "import": names.import_name,
        "import_path": names.import_name.replace(".", "/"),
        "class_name": names.class_name,
        "constant_name": names.constant_name,
        "folder": names.folder,
        "kind": kind,
        "tier": tier,
        "requires": ", ".join(requires) or "none",
        "python": _required_python(workspace),
    }


def record_origin(manifest: bytes, template: Template, names: Names, file: str) -> bytes:
    """A manifest that says from which version of which template it was made."""
    origin = {
        "kind": template.kind,
        "name": names.name,
        "import": names.import_name,
        "version": template.version,
    }
    for key, value in origin.items():
        manifest = set_value(manifest, ("tool", "partita", "template", key), value, file, _ORIGIN)
    return manifest


def versions_folder(workspace: Workspace) -> str:
    """Where this repository keeps the versions of templates that its members were made from."""
    templates = dict(workspace.configuration.scaffold).get("templates", "")
    return f"{posixpath.normpath(templates or _OWN_HOME)}/{VERSIONS_FOLDER}"


def find_template(workspace: Workspace, kind: str) -> Template:
    """The template of a kind as it is now. Raises PartitaError when there is none."""
    kinds = find_kinds(workspace.root, dict(workspace.configuration.scaffold).get("templates", ""))
    if kind not in kinds:
        raise PartitaError(f"there is no template {kind!r}; there are {', '.join(sorted(kinds))}")
    return read_template(workspace.root, kind, kinds[kind])


def _required_python(workspace: Workspace) -> str:
    """The range of Pythons that the root of the workspace asks for."""
    import tomli

    try:
        document = tomli.loads(workspace.tree.read(_MANIFEST).decode("utf-8-sig"))
    except (OSError, ValueError):
        return _PYTHON
    return str(document.get("project", {}).get("requires-python", _PYTHON))


def _decide(workspace: Workspace, request: Request) -> Newcomer:
    template = find_template(workspace, request.kind)
    settings = {**dict(workspace.configuration.scaffold), **template.settings}
    if "folder" not in settings:
        settings["folder"] = _usual_folder(workspace)
    names = create_names(request.name, {key: settings[key] for key in PLACES[:3] if key in settings})
    tier = request.tier or settings.get("tier", "")
    requires = tuple(dict.fromkeys(map(normalise, request.requires)))
    application = normalise(settings.get("application", ""))
    problems = [
        *find_name_problems(request.name, names, workspace),
        *find_tier_problems(workspace, tier),
        *find_requirement_problems(workspace, tier, requires),
        *find_application_problems(workspace, application, names.name),
    ]
    if problems:
        raise PartitaError(*problems)
    return Newcomer(names, template, tier, requires, application)


def _usual_folder(workspace: Workspace) -> str:
    """Where members stand in a repository that does not say: the first folder that the uv workspace takes all of."""
    patterns = _root_patterns(workspace) or ()
    home = next(
        (pattern[:-2] for pattern in patterns if pattern.endswith("/*") and "*" not in pattern[:-2]), "packages"
    )
    return f"{home}/{{name}}"


def _root_patterns(workspace: Workspace) -> tuple[str, ...] | None:
    """The `members` of the uv workspace; None when the root declares none."""
    try:
        return parse_manifest(workspace.tree.read(_MANIFEST), _MANIFEST).workspace_members
    except OSError:
        return None


class _Edits:
    """New contents of files, each made from what stood there when it was first asked for."""

    def __init__(self, workspace: Workspace, contents: dict[str, bytes]) -> None:
        self.workspace = workspace
        self.contents = contents
        self.sources: dict[str, bytes] = {}

    def edit(self, file: str, change: Callable[[bytes], bytes]) -> None:
        """Change a file of this plan or, the first time, of the tree."""
        if file not in self.contents:
            self.contents[file] = self.sources[file] = self.workspace.tree.read(file)
        self.contents[file] = change(self.contents[file])

    def add(self, file: str, path: Path, item: str) -> None:
        """Add a text to an array."""
        self.edit(file, lambda source: add_to_array(source, path, item, file))

    def put(self, file: str, path: Path, value: Value) -> None:
        """Give a key a value."""
        self.edit(file, lambda source: set_value(source, path, value, file))

    def add_source(self, file: str, name: str) -> None:
        """Tell uv to take a member from this workspace; where there is none, uv would refuse to be told."""
        if _root_patterns(self.workspace) is not None:
            self.put(file, ("tool", "uv", "sources", name), {"workspace": True})


def _declare(edits: _Edits, newcomer: Newcomer) -> None:
    """Complete the manifest of the new member: the members it requires, and where it comes from."""
    file = f"{newcomer.names.folder}/{_MANIFEST}"
    manifest = parse_manifest(edits.contents[file], file)
    declared = {requirement.name for requirement in manifest.requirements if requirement.kind == "runtime"}
    for name in newcomer.requires:
        if name not in declared:
            edits.add(file, ("project", "dependencies"), _write_requirement(edits.workspace, name))
        edits.add_source(file, name)
    edits.edit(file, lambda source: record_origin(source, newcomer.template, newcomer.names, file))


def _register(edits: _Edits, newcomer: Newcomer) -> None:
    """Edit the files outside the new folder that have to know of the member."""
    names, workspace = newcomer.names, edits.workspace
    if newcomer.tier:
        tiers = [tier.name for tier in workspace.configuration.tiers]
        edits.add(CONFIGURATION, ("tier", tiers.index(newcomer.tier), "members"), names.distribution)
    patterns = _root_patterns(workspace)
    if patterns is not None and not matches_member(names.folder, patterns):
        edits.add(_MANIFEST, ("tool", "uv", "workspace", "members"), names.folder)
    if newcomer.application:
        _add_extra(edits, newcomer)


def _add_extra(edits: _Edits, newcomer: Newcomer) -> None:
    """Give the application an extra of the member's name, which its extra `all`, if it has one, takes in."""
    application = edits.workspace.member(newcomer.application)
    file, name, distribution = application.manifest, newcomer.names.name, newcomer.names.distribution
    requirement = _write_requirement(edits.workspace, distribution)
    extras = ("project", "optional-dependencies")
    edits.put(file, (*extras, name), [requirement])
    edits.add_source(file, distribution)
    together = _read_all_extra(edits.contents[file])
    if together is None:
        return
    for index, item in enumerate(together):
        listed = _EXTRAS_OF.match(item)
        if listed and normalise(listed[1]) == application.name:
            extended = ",".join(sorted([*map(str.strip, listed[2].split(",")), name]))
            edits.put(file, (*extras, "all", index), f"{listed[1]}[{extended}]{listed[3]}")
            return
    edits.add(file, (*extras, "all"), requirement)


def _read_all_extra(manifest: bytes) -> list[str] | None:
    import tomli

    extras = tomli.loads(manifest.decode("utf-8-sig"))["project"]["optional-dependencies"]
    return list(extras["all"]) if "all" in extras else None


def _write_requirement(workspace: Workspace, name: str) -> str:
    """A requirement on a member as the others write it: like most of those on it, else like most on any member."""
    members = {member.name for member in workspace.members}
    requirements = [r for member in workspace.members for r in member.requirements if r.name in members]
    on_it = [requirement for requirement in requirements if requirement.name == name]
    specifiers = Counter(_specifier(requirement.text) for requirement in on_it or requirements)
    return f"{name}{min(specifiers, key=lambda text: (-specifiers[text], text), default='')}"


def _specifier(requirement: str) -> str:
    found = _SPECIFIER.match(requirement)
    return found[1] if found and not found[1].startswith("@") else ""
