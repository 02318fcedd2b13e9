"""The Nox sessions of a workspace. `noxfile.py` of a repository is two lines: import `create_sessions`, and call it.

No session has an environment of Nox's own: those of the members are made, and kept, by `partita.isolation`; all other
tools are taken from the environment that Nox runs in.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from partita.contents import is_built, is_isolated
from partita.errors import PartitaError
from partita.naming import session_names
from partita.workspace import find_root, read_workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from nox import Session

    from partita.workspace import Member, Workspace

    Body = Callable[[Session, Workspace], None]

#: Folders at the root, besides those of members, whose sources are checked, too.
_ROOT_SOURCES = ("benchmarks", "tests", "noxfile.py", "tasks.py")


def create_sessions(start: str) -> None:
    """Register every session of the workspace around `start`, a file or a folder in it (say, ``__file__``).

    One session a member, named `tests-` and its folder, with the tags `tests` and the folder's name, so a new member
    needs no edit. Ends the program with a sentence when the workspace cannot be read.
    """
    folder = start if os.path.isdir(start) else os.path.dirname(os.path.abspath(start))
    try:
        workspace = read_workspace(find_root(folder))
    except PartitaError as error:
        sys.exit("\n".join(f"partita: {problem}" for problem in error.problems))
    for name, body in (("lint", _lint), ("types", _types), ("docs", _docs), ("workflows", _workflows)):
        _register(body, workspace, name, "checks")
    # Sessions that run at the same time begin in this order: the longest one should not be alone at the end.
    _register(_lowest, workspace, "lowest", "artifacts")
    names = session_names(workspace.members)
    crossing = [member for member in workspace.members if not is_isolated(workspace, member)]
    for member in workspace.members:
        if is_isolated(workspace, member):
            name = names[member.name]
            _register(_bind(_member, member), workspace, name, "tests", name.removeprefix("tests-"))
    for member in crossing:  # CI knows every member by such a name; a person may say `tests`, too
        _register(_tests, workspace, names[member.name], "tests")
    _register(_tests, workspace, "tests", default=not crossing)
    _register(_build, workspace, "build", "artifacts")


def _register(body: Body, workspace: Workspace, name: str, *tags: str, default: bool = True) -> None:
    import nox

    def run(session: Session) -> None:
        try:
            body(session, workspace)
        except PartitaError as error:
            session.error("\n".join(error.problems))

    run.__doc__ = body.__doc__
    decorate = nox.session(name=name, tags=tags, default=default, venv_backend="none", allow_parallel=True)
    decorate(run)


def _bind(body: Callable[[Session, Workspace, Member], None], member: Member) -> Body:
    def run(session: Session, workspace: Workspace) -> None:
        body(session, workspace, member)

    run.__doc__ = f"{member.name} alone: built, installed with what it declares, imported, tested."
    return run


def _lint(session: Session, workspace: Workspace) -> None:
    """Ruff: rules and formatting of everything."""
    session.chdir(workspace.root)
    _run(session, "ruff", "check", *session.posargs)
    _run(session, "ruff", "format", "--check")


def _types(session: Session, workspace: Workspace) -> None:
    """Mypy in strict mode over sources, tests and tools."""
    session.chdir(workspace.root)
    sources = [member.import_root for member in workspace.members if is_built(workspace, member)]
    paths = [member.folder for member in workspace.members if is_built(workspace, member)]
    paths += [path for path in _ROOT_SOURCES if workspace.tree.exists(path)]
    _run(session, "mypy", *session.posargs, *paths, MYPYPATH=os.pathsep.join(sources))


def _docs(session: Session, workspace: Workspace) -> None:
    """Links and code examples of every document, and the JSON Schemas of the reference."""
    from partita.documents import check_documents, find_documents

    documents = find_documents(workspace)
    findings = check_documents(workspace.root, documents)
    for finding in findings:
        print(f"{finding.file}:{finding.line}: {finding.code} {finding.message}")
    if findings:
        session.error(f"{len(findings)} places in documents are wrong")
    session.log(f"{len(documents)} documents are right")
    session.chdir(workspace.root)
    schemas = _listed(workspace, "docs/reference", ".schema.json")
    if schemas:
        _run(session, "check-jsonschema", "--check-metaschema", *schemas)


def _workflows(session: Session, workspace: Workspace) -> None:
    """Schema and security of the CI workflows, offline."""
    session.chdir(workspace.root)
    folders = (".forgejo/workflows", ".github/workflows")
    files = [file for folder in folders for file in _listed(workspace, folder, ".yml", ".yaml")]
    if not files:
        session.skip("there are no workflows")
    _run(session, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files)
    _run(session, "zizmor", "--offline", "--no-progress", *files)


def _member(session: Session, workspace: Workspace, member: Member) -> None:
    from partita.isolation import prove, render_outcome
    from partita.resolution import find_lock
    from partita.results import record_duration

    outcome = prove(workspace, member, find_lock(workspace), session.posargs)
    print(*render_outcome(outcome), sep="\n", end="\n" if outcome.findings or outcome.remarks else "")
    if outcome.findings:
        session.error(f"{member.name} does not stand alone")
    if outcome.code:
        session.error(f"pytest ended with exit code {outcome.code}")
    seconds = outcome.test_seconds + outcome.other_seconds
    session.log(f"{outcome.test_seconds:.1f} s of tests, {outcome.other_seconds:.1f} s for all else")
    if not session.posargs:
        record_duration(workspace.root, session.name, seconds)


def _build(session: Session, workspace: Workspace) -> None:
    """Every wheel and sdist, the wheel from the sdist, and what is in them."""
    from partita.artifacts import check_artifacts

    members = [member for member in workspace.members if is_built(workspace, member)]
    findings = [finding for member in members for finding in check_artifacts(workspace, member)]
    for finding in findings:
        print(f"{finding.file}: {finding.code} {finding.message}")
    if findings:
        session.error(f"{len(findings)} things are wrong with what would be published")


def _lowest(session: Session, workspace: Workspace) -> None:
    """The tests of every member with the lowest versions that it declares, but for those that are marked slow."""
    from partita.isolation import prove_lowest
    from partita.resolution import find_lock

    lock = find_lock(workspace)
    words = session.posargs or ("-m", "not slow")  # what they prove, they have proven with the locked versions
    failed = []
    for member in workspace.members:
        if is_isolated(workspace, member):
            session.log(f"{member.name} with the lowest versions that it declares")
            if prove_lowest(workspace, member, lock, words):
                failed.append(member.name)
    if failed:
        session.error(f"{', '.join(failed)}: the tests fail with the declared floors; raise them")


def _tests(session: Session, workspace: Workspace) -> None:
    """What crosses packages: the tests at the root, run in place."""
    session.chdir(workspace.root)
    if not workspace.tree.exists("tests"):
        session.skip("there is no folder tests at the root")
    _run(session, "pytest", "tests", *session.posargs)


def _run(session: Session, tool: str, *words: str, **variables: str) -> None:
    """Run a tool of the environment that Nox itself is in, whatever PATH says."""
    beside = os.path.join(os.path.dirname(sys.executable), tool)
    session.run(beside if os.path.exists(beside) else tool, *words, env=variables)


def _listed(workspace: Workspace, folder: str, *endings: str) -> list[str]:
    try:
        return [f"{folder}/{name}" for name, _ in workspace.tree.entries(folder) if name.endswith(endings)]
    except OSError:
        return []
