"""What rules look at. Each part is read when a rule first asks for it, so a few rules cost no more than they must."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from partita.declared import declared_graph
from partita.manifest import Requirement, parse_manifest, requirement_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partita.distributions import Distributions, Installed
    from partita.findings import Finding
    from partita.graph import Graph
    from partita.modules import ExternalImport, ModuleGraph
    from partita.rules.usage import Usage
    from partita.workspace import Member, Workspace


class Document:
    """The whole of one manifest that can be read, for rules that ask for more than its requirements."""

    def __init__(self, source: bytes) -> None:
        import tomli  # only for rules that look into manifests

        self.text = source.decode("utf-8-sig").replace("\r\n", "\n")
        self._content: dict[str, Any] = tomli.loads(self.text)

    def table(self, *keys: str) -> dict[str, Any]:
        """The table below these keys; empty when there is none."""
        found: Any = self._content
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def line_of(self, *texts: str) -> int:
        """The line of the first of these texts that stands anywhere; 0 when none does."""
        place = next((place for text in texts if (place := self.text.find(text)) >= 0), -1)
        return self.text.count("\n", 0, place) + 1 if place >= 0 else 0


class Facts:
    """A workspace and, on demand, everything that can be read about it. Never changes once read.

    `installed` is where third-party distributions are looked up: by default the environment of the repository, and
    the one we run in.
    """

    def __init__(self, workspace: Workspace, *, use_cache: bool = True, installed: Installed | None = None) -> None:
        self.workspace = workspace
        self.use_cache = use_cache
        self.installed = installed
        self._documents: dict[str, Document] = {}
        self._usages: dict[str, Usage] = {}
        self._closures: dict[str, frozenset[str]] = {}

    @cached_property
    def declared(self) -> Graph:
        """What manifests say, between members."""
        return declared_graph(self.workspace)

    def brought_by(self, wanted: str, names: Iterable[str]) -> str | None:
        """The first of these names, in sorted order, whose installation brings the wanted one along, if one does."""
        return next((name for name in sorted(names) if wanted in self._closure(name)), None)

    def _closure(self, name: str) -> frozenset[str]:
        """Everything that installing this member or distribution brings along, as far as that is known."""
        if name not in self._closures:
            seen, front = {name}, {name}
            while front:
                front = {required for source in front for required in self._requires(source)} - seen
                seen |= front
            self._closures[name] = frozenset(seen - {name})
        return self._closures[name]

    def _requires(self, name: str) -> tuple[str, ...]:
        member = self.members.get(name)
        if member is None:
            return self.distributions.installed.requires(name)
        return tuple(item.name for item in member.requirements if item.kind == "runtime")

    @cached_property
    def modules(self) -> ModuleGraph:
        """Every module of the workspace, and who imports whom."""
        from partita.modules import read_modules  # reads sources: only for rules that need it

        return read_modules(self.workspace, use_cache=self.use_cache)

    def count_modules(self) -> int | None:
        """How many modules there are, when they have been read."""
        return len(self.modules.modules) if "modules" in vars(self) else None

    def problems_met(self) -> tuple[Finding, ...]:
        """What could not be read as meant in all that has been read so far."""
        return (*self.workspace.problems, *(self.modules.problems if self.count_modules() is not None else ()))

    @cached_property
    def module_files(self) -> dict[str, str]:
        """Dotted module name -> file."""
        return {module.name: module.file for module in self.modules.modules}

    @cached_property
    def module_members(self) -> dict[str, str]:
        """Dotted module name -> the member that has it."""
        return {module.name: module.member for module in self.modules.modules}

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """Dotted names that are no module themselves, but have modules below them."""
        above = {name[:end] for name in self.module_files for end, sign in enumerate(name) if sign == "."}
        return frozenset(above - self.module_files.keys())

    @cached_property
    def imports(self) -> dict[str, list[ExternalImport]]:
        """Member -> every import statement of its files, tests included."""
        from partita.modules import read_imports

        table: dict[str, list[ExternalImport]] = {}
        for item in read_imports(self.workspace, use_cache=self.use_cache):
            table.setdefault(item.member, []).append(item)
        return table

    def usage(self, member: Member) -> Usage:
        """Where the import statements of a member lead."""
        if member.name not in self._usages:
            from partita.rules.usage import read_usage

            self._usages[member.name] = read_usage(self, member)
        return self._usages[member.name]

    def files_of(self, member: Member) -> tuple[str, ...]:
        """The files of a member's modules."""
        return self._files.get(member.name, ())

    @cached_property
    def _files(self) -> dict[str, tuple[str, ...]]:
        table: dict[str, list[str]] = {}
        for module in self.modules.modules:
            table.setdefault(module.member, []).append(module.file)
        return {name: tuple(files) for name, files in table.items()}

    @cached_property
    def members(self) -> dict[str, Member]:
        """Every member by its name."""
        return {member.name: member for member in self.workspace.members}

    @cached_property
    def observed(self) -> Graph:
        """What sources say, between members."""
        from partita.modules import member_edges

        return member_edges(self.workspace, self.modules)

    @cached_property
    def distributions(self) -> Distributions:
        """What is known about third-party distributions."""
        from partita.distributions import Distributions, find_installed

        installed = self.installed or find_installed(self.workspace.root)
        return Distributions(dict(self.workspace.configuration.import_names), installed)

    @cached_property
    def root_requirements(self) -> tuple[Requirement, ...]:
        """What the root declares for the development of every member: its groups, or all when it is no package."""
        document = self.root_document
        found = parse_manifest(self._source("pyproject.toml"), "pyproject.toml").requirements
        if not _makes_package(document):
            return found
        groups = [*document.table("dependency-groups").values(), document.table("tool", "uv").get("dev-dependencies")]
        texts = [text for group in groups if isinstance(group, list) for text in group if isinstance(text, str)]
        named = [Requirement(name, "dev", "", text, 0) for text in texts if (name := requirement_name(text))]
        return tuple(item for item in found if item.kind == "dev") or tuple(named)

    @cached_property
    def root_document(self) -> Document:
        """The manifest at the root; empty when there is none."""
        return self._document("pyproject.toml")

    def document(self, member: Member) -> Document:
        """The manifest of a member."""
        return self._document(member.manifest)

    def is_package(self, member: Member) -> bool:
        """Whether something is built from this member: a uv or poetry project may only gather dependencies."""
        return _makes_package(self.document(member))

    def exists(self, path: str) -> bool:
        """Whether anything stands at this path."""
        return self.workspace.tree.exists(path)

    def entries(self, folder: str) -> list[tuple[str, bool]]:
        """(name, is folder) of what a folder holds; nothing where there is no such folder."""
        try:
            return self.workspace.tree.entries(folder)
        except OSError:
            return []

    def _document(self, path: str) -> Document:
        if path not in self._documents:
            self._documents[path] = Document(self._source(path))
        return self._documents[path]

    def _source(self, path: str) -> bytes:
        try:
            return self.workspace.tree.read(path)
        except OSError:
            return b""


def _makes_package(document: Document) -> bool:
    uv, poetry = document.table("tool", "uv"), document.table("tool", "poetry")
    return uv.get("package") is not False and poetry.get("package-mode") is not False
