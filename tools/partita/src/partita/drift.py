"""Members and the templates they were made from: who has fallen behind, and how a change of a template is brought in.

A member remembers which version of which template made it. The files of every version in use are kept in the
repository, so the base of a merge is always at hand: a shallow clone has no history to look in, a template may never
have been committed as it was, and Partita's own templates change with Partita and not with the repository.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from partita.disk import read_file, resolve
from partita.errors import PartitaError
from partita.findings import Finding
from partita.manifest import normalise
from partita.merge import Labels, find_conflict, merge_contents
from partita.names import Names
from partita.scaffold import find_template, placeholders, record_origin, versions_folder
from partita.template import File, Template, is_kept, load_version, render_template, store_version, version_name
from partita.tree import join
from partita.writing import Plan, plan_changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from partita.workspace import Member, Workspace

#: The codes of drift. Never given a second meaning.
BEHIND_TEMPLATE = "PT509"
KEPT_FILE_CHANGED = "PT510"
UNKNOWN_TEMPLATE = "PT511"
MERGE_CONFLICT = "PT512"

_MANIFEST = "pyproject.toml"
_HEADER = "[tool.partita.template]"
_DECIDE = "decide which of the two is right, and remove the markers"


class Origin(NamedTuple):
    """What a manifest says about the template its member was made from."""

    kind: str
    name: str
    import_name: str
    version: str


class Update(NamedTuple):
    """What brings members up to their templates. `conflicts` are places in the planned files for a person to decide."""

    plan: Plan
    conflicts: tuple[Finding, ...]


def find_drift(workspace: Workspace, names: Sequence[str] = ()) -> list[Finding]:
    """Where members (all, or those named) differ from their templates in what is not theirs to differ in.

    That is: the template has changed since, or a file that it wants kept is not as it makes it. A member's own work
    on the other files is no drift, and members made by hand have none.
    """
    current = cache(lambda kind: find_template(workspace, kind))
    findings: list[Finding] = []
    for member in _choose(workspace, names):
        source = workspace.tree.read(member.manifest)
        try:
            origin = parse_origin(source, member.manifest)
            findings += _find_member_drift(workspace, member, origin, current(origin.kind)) if origin else ()
        except PartitaError as error:
            remedy = f"bring the template back, or remove {_HEADER} if the member goes its own way"
            line = _line_of_header(source)
            findings += [
                Finding(UNKNOWN_TEMPLATE, member.manifest, line, p, remedy, member.name) for p in error.problems
            ]
    return sorted(findings)


def plan_update(workspace: Workspace, names: Sequence[str] = ()) -> Update:
    """Plan the merge of what changed in templates into the members made from them (all, or those named).

    Raises PartitaError when a template or an earlier version of it is not there, or when conflicts of an earlier
    update are not resolved yet: every such problem at once.
    """
    current = cache(lambda kind: find_template(workspace, kind))
    chosen = {member.name for member in _choose(workspace, names)}
    merges = _Merges()
    in_use: dict[str, Template | None] = {}
    problems: list[str] = []
    for member in workspace.members:
        try:
            origin = parse_origin(workspace.tree.read(member.manifest), member.manifest)
            if origin and member.name in chosen:
                template = current(origin.kind)
                in_use[version_name(origin.kind, template.version)] = template
                _merge_member(workspace, member, origin, template, merges)
            elif origin:
                in_use.setdefault(version_name(origin.kind, origin.version), None)
        except PartitaError as error:
            problems += error.problems
    if problems:
        raise PartitaError(*problems)
    contents = merges.contents | _renew_versions(workspace, in_use)
    plan = plan_changes(workspace.root, contents, executable=merges.executable, based_on=merges.sources)
    return Update(plan, tuple(sorted(merges.conflicts)))


def parse_origin(manifest: bytes, path: str) -> Origin | None:
    """What a manifest says about its template; None when it says nothing. Raises PartitaError when it is no use."""
    if b"partita" not in manifest:
        return None
    import tomli

    document = tomli.loads(manifest.decode("utf-8-sig"))
    tool = document.get("tool", {}).get("partita", {})
    if "template" not in tool:
        return None
    fields = tool["template"]
    known = fields if isinstance(fields, dict) else {}
    values = [value for key in ("kind", "name", "import", "version") if isinstance(value := known.get(key), str)]
    if len(values) < len(Origin._fields):
        raise PartitaError(f"{path}: {_HEADER} needs kind, name, import and version, as `partita scaffold` writes them")
    return Origin(*values)


class _Merges:
    """What becomes of the files of members. `sources` is what was read of them."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes | None] = {}
        self.sources: dict[str, bytes | None] = {}
        self.executable: set[str] = set()
        self.conflicts: list[Finding] = []


def _choose(workspace: Workspace, names: Sequence[str]) -> list[Member]:
    """The members of these names or folders, all when none is given. Raises PartitaError with every unknown one."""
    wanted = [normalise(name) for name in names]
    known = {member.name: member for member in workspace.members}
    by_folder = {member.folder.rpartition("/")[2]: member for member in workspace.members}
    unknown = [name for name in wanted if name not in known and name not in by_folder]
    if unknown:
        raise PartitaError(*(f"{name}: no member of this workspace" for name in unknown))
    return [known.get(name) or by_folder[name] for name in wanted] if names else list(workspace.members)


def _find_member_drift(workspace: Workspace, member: Member, origin: Origin, template: Template) -> Iterator[Finding]:
    update = f"run `partita scaffold --update {member.name}`"
    files = _render(workspace, member, origin, template)
    for place in (join(member.folder, path) for path in files):
        if line := find_conflict(_read(workspace, place) or b""):
            told = f"{place} holds what an update could not merge"
            yield Finding(MERGE_CONFLICT, place, line, told, _DECIDE, place)
    if origin.version != template.version:
        told = (
            f"{member.name} was made from version {origin.version} of {template.place}, which is now {template.version}"
        )
        line = _line_of_header(workspace.tree.read(member.manifest))
        yield Finding(BEHIND_TEMPLATE, member.manifest, line, told, update, member.name)
        return
    for path, file in files.items():
        place = join(member.folder, path)
        if is_kept(template, path, _values(workspace, member, origin)) and _read(workspace, place) != file.content:
            told = f"{place} is not as {template.place} makes it, which wants it kept"
            yield Finding(KEPT_FILE_CHANGED, place, 0, told, update, place)


def _merge_member(workspace: Workspace, member: Member, origin: Origin, template: Template, merges: _Merges) -> None:
    base = _render(workspace, member, origin, _find_version(workspace, member, origin, template))
    theirs = _render(workspace, member, origin, template)
    labels = Labels(member.name, f"{template.place} {origin.version}", f"{template.place} {template.version}")
    for path in sorted(base.keys() | theirs.keys()):
        place = join(member.folder, path)
        ours = merges.sources[place] = _read(workspace, place)
        if ours is not None and find_conflict(ours):
            raise PartitaError(f"{place} holds conflicts of an earlier update; resolve them first")
        new = theirs.get(path)
        if new is not None and new.executable:
            merges.executable.add(place)
        if new is not None and is_kept(template, path, _values(workspace, member, origin)):
            merges.contents[place] = new.content
            continue
        old = base.get(path)
        merges.contents[place], conflicts = merge_contents(old and old.content, ours, new and new.content, labels)
        merges.conflicts += [Finding(MERGE_CONFLICT, place, line, told, _DECIDE, place) for line, told in conflicts]


def _render(workspace: Workspace, member: Member, origin: Origin, template: Template) -> dict[str, File]:
    """The files of a member as a version of its template makes them."""
    files = render_template(template, _values(workspace, member, origin))
    manifest = files[_MANIFEST]
    recorded = record_origin(manifest.content, template, _names(member, origin), template.place)
    return {**files, _MANIFEST: manifest._replace(content=recorded)}


def _names(member: Member, origin: Origin) -> Names:
    return Names(origin.name, member.name, origin.import_name, member.folder)


def _values(workspace: Workspace, member: Member, origin: Origin) -> dict[str, str]:
    return placeholders(workspace, _names(member, origin), origin.kind, member.tier or "")


def _find_version(workspace: Workspace, member: Member, origin: Origin, template: Template) -> Template:
    if origin.version == template.version:
        return template
    place = f"{versions_folder(workspace)}/{version_name(origin.kind, origin.version)}"
    content = _read(workspace, place)
    if content is None:
        raise PartitaError(
            f"{member.manifest}: {place} is missing, so nobody can tell what this member changed since it was made; "
            "restore the file from history"
        )
    return load_version(content, origin.kind, origin.version, place)


def _renew_versions(workspace: Workspace, in_use: dict[str, Template | None]) -> dict[str, bytes | None]:
    """Keep the versions in use, forget the others. A template stands at each name that members come to use now."""
    folder = versions_folder(workspace)
    contents: dict[str, bytes | None] = dict.fromkeys(f"{folder}/{name}" for name in _list_files(workspace, folder))
    for name, template in in_use.items():
        stored = store_version(template)[1] if template else _read(workspace, f"{folder}/{name}")
        contents[f"{folder}/{name}"] = stored
    return contents


def _list_files(workspace: Workspace, folder: str) -> Iterable[str]:
    try:
        names = os.listdir(f"{workspace.root}/{folder}")
    except FileNotFoundError:
        return []
    return [name for name in names if name.endswith(".json")]


def _read(workspace: Workspace, path: str) -> bytes | None:
    try:
        return read_file(resolve(workspace.root, path))
    except OSError as error:
        raise PartitaError(f"{path}: {error.strerror}") from error


def _line_of_header(manifest: bytes) -> int:
    place = manifest.find(_HEADER.encode())
    return manifest.count(b"\n", 0, place) + 1 if place >= 0 else 0
