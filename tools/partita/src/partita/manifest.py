"""One `pyproject.toml` -> what it declares. Pure: bytes in, a value out; broken input becomes problems."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from partita.findings import (
    DYNAMIC_DEPENDENCIES,
    INVALID_NAME,
    INVALID_REQUIREMENT,
    UNREADABLE_MANIFEST,
    Finding,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_WHOLE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_NORMAL = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_SEPARATORS = re.compile(r"[-_.]+")


class Requirement(NamedTuple):
    """A declared dependency. `name` is normalised, `text` as written, `group` the extra or group it stands in."""

    name: str
    kind: str
    group: str
    text: str
    line: int


class Manifest(NamedTuple):
    """What one manifest declares. `name` is normalised; None when this file makes no package.

    `dynamic` holds the project fields that a build backend computes: for those nothing is known here.
    """

    name: str | None
    version: str | None
    requirements: tuple[Requirement, ...]
    dynamic: tuple[str, ...]
    problems: tuple[Finding, ...]
    workspace_members: tuple[str, ...] | None = None
    workspace_exclude: tuple[str, ...] = ()


def normalise(name: str) -> str:
    """The form in which names are compared (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower() if not _NORMAL.match(name) else name


def requirement_name(text: str) -> str | None:
    """The normalised name a requirement string starts with (PEP 508), or None."""
    match = _NAME.match(text)
    return normalise(match[1]) if match else None


def parse_manifest(source: bytes, path: str) -> Manifest:
    """Read one manifest. Never raises: what is wrong with it stands in `problems`, `path` is only named there."""
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        return _broken(Finding(UNREADABLE_MANIFEST, path, line, "the manifest is not UTF-8"))
    import tomli  # not needed while a cache is warm

    try:
        document = tomli.loads(text.replace("\r\n", "\n"))
    except (tomli.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        return _broken(Finding(UNREADABLE_MANIFEST, path, line, f"the manifest is not valid TOML: {error}"))
    return _Reader(document, text, path).read()


def _broken(problem: Finding) -> Manifest:
    return Manifest(None, None, (), (), (problem,))


class _Reader:
    """Walks one document; keeps what every step needs: the text (for lines), the path, the problems so far."""

    def __init__(self, document: dict[str, Any], text: str, path: str) -> None:
        self.document = document
        self.text = text
        self.path = path
        self.problems: list[Finding] = []

    def read(self) -> Manifest:
        project, poetry = self.table("project"), self.table("tool", "poetry")
        name = self.read_name(project, poetry)
        dynamic = tuple(sorted(str(item) for item in self.strings(project.get("dynamic", []), "[project] dynamic")))
        requirements = tuple(dict.fromkeys(self.requirements(project, poetry)))
        if name is not None and "dependencies" in dynamic:
            fields = ", ".join(field for field in dynamic if field.endswith("dependencies"))
            self.problem(
                DYNAMIC_DEPENDENCIES, "dynamic", f"{name} declares its {fields} dynamic: what its build adds is unknown"
            )
        version = project.get("version", poetry.get("version"))
        workspace = self.document.get("tool", {})
        workspace = workspace.get("uv", {}) if isinstance(workspace, dict) else {}
        workspace = workspace.get("workspace") if isinstance(workspace, dict) else None
        members: tuple[str, ...] | None = None
        exclude: tuple[str, ...] = ()
        if isinstance(workspace, dict):
            members = tuple(self.strings(workspace.get("members", []), "[tool.uv.workspace] members"))
            exclude = tuple(self.strings(workspace.get("exclude", []), "[tool.uv.workspace] exclude"))
        return Manifest(
            name,
            version if isinstance(version, str) else None,
            requirements,
            dynamic,
            tuple(self.problems),
            members,
            exclude,
        )

    def read_name(self, project: dict[str, Any], poetry: dict[str, Any]) -> str | None:
        name = project.get("name", poetry.get("name"))
        if isinstance(name, str) and _WHOLE_NAME.match(name):
            return normalise(name)
        if name is not None:
            self.problem(INVALID_NAME, "name", f"{name!r} is not a valid package name: the folder is no member")
        elif project:
            self.problem(INVALID_NAME, "[project]", "the [project] table has no name: the folder is no member")
        return None

    def requirements(self, project: dict[str, Any], poetry: dict[str, Any]) -> Iterator[Requirement]:
        yield from self.listed(project.get("dependencies", []), "runtime", "", "[project] dependencies")
        extras = project.get("optional-dependencies", {})
        for extra, items in extras.items() if isinstance(extras, dict) else ():
            yield from self.listed(items, "optional", extra, f"[project.optional-dependencies] {extra}")
        yield from self.groups()
        older = self.table("tool", "uv").get("dev-dependencies", [])
        yield from self.listed(older, "dev", "dev", "[tool.uv] dev-dependencies")
        yield from self.listed(self.table("build-system").get("requires", []), "build", "", "[build-system] requires")
        yield from self.poetry(poetry)

    def groups(self) -> Iterator[Requirement]:
        """All groups count, so an included group is read where it stands; only a missing one is worth a word."""
        groups = self.table("dependency-groups")
        known = {normalise(group) for group in groups}
        for group, items in groups.items():
            for item in items if isinstance(items, list) else ():
                included = item.get("include-group") if isinstance(item, dict) else None
                if isinstance(included, str) and normalise(included) not in known:
                    message = f"dependency group {group!r} includes {included!r}: no such group"
                    self.problem(INVALID_REQUIREMENT, included, message)
            strings = [item for item in items if isinstance(item, str)] if isinstance(items, list) else items
            yield from self.listed(strings, "dev", group, f"[dependency-groups] {group}")

    def poetry(self, poetry: dict[str, Any]) -> Iterator[Requirement]:
        yield from self.poetry_table(poetry.get("dependencies"), "runtime", "", "[tool.poetry.dependencies")
        yield from self.poetry_table(poetry.get("dev-dependencies"), "dev", "dev", "[tool.poetry.dev-dependencies")
        groups = poetry.get("group")
        for group, content in groups.items() if isinstance(groups, dict) else ():
            table = content.get("dependencies") if isinstance(content, dict) else None
            yield from self.poetry_table(table, "dev", group, f"[tool.poetry.group.{group}.dependencies")

    def poetry_table(self, table: object, kind: str, group: str, header: str) -> Iterator[Requirement]:
        for key, value in table.items() if isinstance(table, dict) else ():
            if key.lower() == "python":
                continue
            optional = isinstance(value, dict) and value.get("optional") is True
            name = requirement_name(key)
            if name:
                actual = "optional" if kind == "runtime" and optional else kind
                yield Requirement(name, actual, group, key, self.line_of(key, header))

    def listed(self, items: object, kind: str, group: str, where: str) -> Iterator[Requirement]:
        """`where` is the table and the key, as a person writes them."""
        header, _, key = where.partition("] ")
        for text in self.strings(items, where):
            name = requirement_name(text)
            if name is not None:
                yield Requirement(name, kind, group, text, self.line_of(text, header))
                continue
            line = self.line_of(text, header) if text else self.line_of(key, header)
            message = f"{where} holds {text!r}, which names no package"
            self.problems.append(Finding(INVALID_REQUIREMENT, self.path, line, message))

    def table(self, *keys: str) -> dict[str, Any]:
        found: Any = self.document
        for key in keys:
            found = found.get(key, {}) if isinstance(found, dict) else {}
        return found if isinstance(found, dict) else {}

    def strings(self, items: object, where: str) -> list[str]:
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return items
        header, _, key = where.partition("] ")
        message = f"{where} is not a list of texts"
        self.problems.append(Finding(INVALID_REQUIREMENT, self.path, self.line_of(key, header), message))
        return []

    def problem(self, code: str, near: str, message: str) -> None:
        self.problems.append(Finding(code, self.path, self.line_of(near, ""), message))

    def line_of(self, text: str, header: str) -> int:
        """The line where `text` stands, quoted or bare, after the header of its table.

        It is the line of the header when it is written otherwise (escapes, dotted keys).
        """
        start = max(self.text.find(header), 0)
        forms = (f'"{text}"', f"'{text}'", f"\n{text}", text)
        places = (self.text.find(form, start) for form in forms)
        place = next((place for place in places if place >= 0), start)
        return self.text.count("\n", 0, place + 1 if self.text[place : place + 1] == "\n" else place) + 1
