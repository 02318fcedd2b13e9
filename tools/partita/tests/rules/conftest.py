"""A repository from a few lines, and what the rules say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from partita.checking import Selection, find
from partita.distributions import Installed
from partita.rules.facts import Facts
from partita.workspace import read_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from partita.findings import Finding
    from partita.fixtures import MakeTree


@pytest.fixture
def member() -> Callable[..., dict[str, str]]:
    """The files of one member: its manifest, and what else is given by path below its folder."""

    def build(
        name: str, dependencies: Sequence[str] = (), files: Mapping[str, str] | None = None, manifest: str = ""
    ) -> dict[str, str]:
        listed = "".join(f'  "{item}",\n' for item in dependencies)
        text = f'[project]\nname = "{name}"\nversion = "1.0"\ndependencies = [\n{listed}]\n{manifest}'
        package = f"src/{name.replace('-', '_')}/__init__.py"
        everything = {"pyproject.toml": text, package: "", **(files or {})}
        return {f"{name}/{path}": content for path, content in everything.items()}

    return build


@pytest.fixture
def check(make_tree: MakeTree) -> Callable[..., tuple[Finding, ...]]:
    """What is found about a repository of these files by the codes that begin like this; or, if asked, what is noted.

    Nothing is installed for it but what is given: distribution -> the files of its metadata.
    """
    runs = iter(range(100))

    def run(
        select: str,
        files: Mapping[str, str],
        installed: Mapping[str, Mapping[str, str]] | None = None,
        *,
        notes: bool = False,
    ) -> tuple[Finding, ...]:
        number = next(runs)
        root = make_tree(files, f"repository-{number}")
        environment = make_tree(
            {
                f"{name.replace('-', '_')}-1.0.dist-info/{file}": text
                for name, content in (installed or {}).items()
                for file, text in {"RECORD": "", **content}.items()
            },
            f"environment-{number}",
        )
        facts = Facts(
            read_workspace(str(root), use_cache=False), use_cache=False, installed=Installed([str(environment)])
        )
        found = find(facts, Selection((select,)))
        return found.notes if notes else found.findings

    return run
