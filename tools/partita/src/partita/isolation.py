"""One member alone: its wheel and what it declares, every module imported, its tests run. What is missing breaks here.

Two environments are made. The first holds the member and its runtime dependencies, nothing else: there every module is
imported, so nothing that a test tool happens to bring can hide what is not declared. The second adds what the tests
need. Neither knows the source tree, and the tests run from a copy outside it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from partita import probe
from partita.cache import cache_folder
from partita.closure import applicable, required_members
from partita.contents import digest_files, is_built, source_files, test_files, test_folders
from partita.distributions import Installed
from partita.environments import Environment, Ingredients, open_environment
from partita.errors import PartitaError
from partita.findings import Finding
from partita.manifest import normalise
from partita.needs import Needs, read_test_needs
from partita.wheels import Wheel, build_closure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from partita.lock import Lock
    from partita.modules import ExternalImport
    from partita.workspace import Member, Workspace

UNDECLARED = "PT611"
BROKEN = "PT612"
NEVER_NEEDED = "PT613"

_NO_TESTS_COLLECTED = 5  # pytest's exit code
_DEADLINE = 300  # seconds for importing every module of one member
_INHERITED = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONSAFEPATH", "PYTHONPLATLIBDIR", "__PYVENV_LAUNCHER__")


class Outcome(NamedTuple):
    """What came of one session.

    `findings` fail it: undeclared imports and modules that cannot be imported; then no test was run. `remarks` are
    declared dependencies that nothing needed. `code` is pytest's, 0 when there is no test to run. Seconds are those
    of the tests, and of everything else.
    """

    member: str
    findings: tuple[Finding, ...]
    remarks: tuple[Finding, ...]
    code: int
    test_seconds: float
    other_seconds: float

    @property
    def passed(self) -> bool:
        """Whether this member stands alone."""
        return not self.findings and self.code == 0


class Examination(NamedTuple):
    """What importing every module showed."""

    findings: tuple[Finding, ...]
    modules: tuple[str, ...]
    loaded: frozenset[str]


def prove(
    workspace: Workspace,
    member: Member,
    lock: Lock | None,
    arguments: Sequence[str] = (),
    *,
    say: Callable[[str], None] = print,
    output: int | None = None,
) -> Outcome:
    """Run the whole session of a member. `arguments` go to pytest, `output` is where it writes (a descriptor).

    Raises PartitaError when a wheel cannot be built or the declared dependencies do not go together.
    """
    started = time.monotonic()
    wheels = build_closure(workspace, {member.name: ()})
    ingredients = Ingredients(wheels, _requirements(member, wheels), lock)
    with open_environment(workspace.root, member.name, ingredients) as environment:
        examination = examine(workspace, member, environment, lock)
        say(_describe(wheels, examination, environment))
    if examination.findings:
        return Outcome(member.name, examination.findings, (), 0, 0.0, time.monotonic() - started)
    if not test_folders(workspace, member):
        say(f"{member.folder} has no tests")
        return Outcome(member.name, (), (), 0, 0.0, time.monotonic() - started)
    with open_environment(workspace.root, f"{member.name}-tests", _with_tests(workspace, member, lock)) as environment:
        before = time.monotonic()
        code, loaded = _run_tests(workspace, member, environment, arguments, output)
        seconds = time.monotonic() - before
    remarks = find_never_needed(workspace, member, environment, examination.loaded | loaded) if not code else ()
    return Outcome(member.name, (), remarks, code, seconds, time.monotonic() - started - seconds)


def prove_lowest(workspace: Workspace, member: Member, lock: Lock | None, arguments: Sequence[str] = ()) -> int:
    """Run the tests of a member with the lowest versions of third parties that it declares; pytest's exit code.

    A requirement without a floor promises nothing about old versions, so it stays as locked.
    """
    if not test_folders(workspace, member):
        return 0
    ingredients = _with_tests(workspace, member, lock)
    wheel = ingredients.wheels[member.name]
    needs = read_test_needs(workspace, member)
    extras = _all_extras(member.name, wheel.requires, needs)
    direct = [*ingredients.requirements, *applicable(wheel.requires, extras)]
    members = {other.name for other in workspace.members}
    floors = tuple(dict.fromkeys(_with_floor(text, lock, members) for text in direct))
    lowest = Ingredients(ingredients.wheels, floors, lock, lowest=True)
    with open_environment(workspace.root, f"{member.name}-lowest", lowest) as environment:
        return _run_tests(workspace, member, environment, arguments, None)[0]


def render_outcome(outcome: Outcome) -> list[str]:
    """One line a finding or remark."""
    lines = [f"{f.file}:{f.line}: {f.code} {f.message}; {f.remedy}" for f in outcome.findings]
    return lines + [f"{f.file}:{f.line}: note: {f.message}; {f.remedy}" for f in outcome.remarks]


def runtime_ingredients(workspace: Workspace, names: Iterable[str], lock: Lock | None) -> Ingredients:
    """What an environment with these members, and nothing that they do not declare, is made of."""
    members = {member.name: member for member in workspace.members}
    wheels = build_closure(workspace, dict.fromkeys(names, ()))
    wanted = [requirement for name in names for requirement in _requirements(members[name], wheels)]
    return Ingredients(wheels, tuple(wanted), lock)


def examine(workspace: Workspace, member: Member, environment: Environment, lock: Lock | None) -> Examination:
    """Import every module of a member in its runtime environment; remembered as long as the environment stands."""
    if not is_built(workspace, member):
        return Examination((), (), frozenset())
    statements = [item for item in read_statements(workspace, member) if not item.test]
    content = digest_files(workspace.root, source_files(workspace, member))
    place = os.path.join(environment.folder, f"examined-{content[:16]}.json")
    reply = _load(place)
    if reply is None:
        reply = _examine(workspace, member, environment, lock, statements)
        _store(place, reply)
    findings = judge(workspace, member, statements, reply)
    return Examination(findings, tuple(reply["modules"]), frozenset(reply["loaded"]))


def judge(
    workspace: Workspace, member: Member, statements: Iterable[ExternalImport], reply: dict[str, Any]
) -> tuple[Finding, ...]:
    """Findings from the import statements of a member and from what happened when its modules were imported. Pure."""
    unresolved = frozenset(reply["unresolved"])
    misses = [
        _undeclared(workspace, member, statement.name, statement.file, statement.line)
        for statement in statements
        if statement.name in unresolved and _can_break(member, statement, reply)
    ]
    for failure in reply["failures"]:
        file, line = _source_place(workspace, member, failure["places"])
        missing = failure["missing"]
        if missing is not None and missing not in reply["modules"]:
            misses.append(_undeclared(workspace, member, missing, file, line))
        else:
            told = f"{failure['module']} cannot be imported alone: {failure['error']}"
            remedy = "make the import of a module do nothing that may fail"
            misses.append(Finding(BROKEN, file, line, told, remedy, failure["module"]))
    first = {(miss.file, miss.line, miss.subject): miss for miss in reversed(misses)}
    return tuple(sorted(first.values()))


def find_never_needed(
    workspace: Workspace, member: Member, environment: Environment, loaded: Iterable[str]
) -> tuple[Finding, ...]:
    """Declared runtime dependencies that no source names and that nothing loaded while the tests ran.

    Only where that is certain: a distribution without modules, or one that registers itself, may be needed all the
    same.
    """
    named = {statement.name for statement in read_statements(workspace, member)} | set(loaded)
    installed = Installed([environment.packages])
    declared = (item for item in member.requirements if item.kind == "runtime")
    return tuple(
        sorted(
            Finding(
                NEVER_NEEDED,
                member.manifest,
                item.line,
                f"{member.name} declares {item.name}, which nothing needed",
                "remove it, or keep it when it is only reached through an interface",
                f"{member.name} -> {item.name}",
            )
            for item in declared
            if _is_never_needed(item.name, installed, named)
        )
    )


def read_statements(workspace: Workspace, member: Member) -> list[ExternalImport]:
    """Every import statement of a member, those of its tests included."""
    from partita.modules import read_imports

    return [item for item in read_imports(workspace) if item.member == member.name]


def run_probe(
    environment: Environment, task: str, request: dict[str, Any], output: int | None = subprocess.PIPE
) -> dict[str, Any]:
    """Run one task of the probe and return its reply; what it prints goes to `output`, by default nowhere.

    Raises PartitaError when it ended without a reply.
    """
    with tempfile.TemporaryDirectory(prefix="partita-probe-") as folder:
        request_path, reply_path = os.path.join(folder, "request"), os.path.join(folder, "reply")
        with open(request_path, "w", encoding="utf-8") as file:
            json.dump({"folder": folder} | request, file)
        words = [environment.python, "-I", probe.__file__, task, request_path, reply_path]
        deadline = None if task == "tests" else _DEADLINE
        ended = _spawn(words, _variables(environment), output, deadline)
        reply = _load(reply_path)
        if reply is None:
            raise PartitaError(f"{request.get('distribution', task)}: {_last_line(f'{reply_path}.progress')}{ended}")
        return reply


def _requirements(member: Member, wheels: dict[str, Wheel], extras: Iterable[str] = ()) -> tuple[str, ...]:
    """What is installed for a member: its wheel, or for one without a build system what it requires."""
    wheel = wheels[member.name]
    return (wheel.requirement(extras),) if wheel.path else wheel.requires


def _with_tests(workspace: Workspace, member: Member, lock: Lock | None) -> Ingredients:
    needs = read_test_needs(workspace, member)
    wanted = {member.name: set(needs.extras)}
    for name, extras in required_members(needs.requirements, (), {other.name for other in workspace.members}):
        wanted.setdefault(name, set()).update(extras)
    wheels = build_closure(workspace, wanted)
    return Ingredients(wheels, (*_requirements(member, wheels, needs.extras), *needs.requirements), lock)


def _all_extras(name: str, requires: Sequence[str], needs: Needs) -> set[str]:
    """The extras of a member that its tests use, those that its extras name in turn included."""
    extras = set(needs.extras)
    while True:
        named = required_members([*needs.requirements, *applicable(requires, extras)], (), {name})
        more = {extra for _, found in named for extra in found} - extras
        if not more:
            return extras
        extras |= more


def _with_floor(text: str, lock: Lock | None, members: Iterable[str]) -> str:
    from packaging.markers import Marker
    from packaging.requirements import Requirement

    requirement = Requirement(text)
    name = normalise(requirement.name)
    if requirement.url or requirement.specifier or name in members or lock is None:
        return text
    for pin in lock.pins:
        if pin.name == name and not pin.is_reference() and (not pin.marker or Marker(pin.marker).evaluate()):
            requirement.specifier &= f"=={pin.version}"
    return str(requirement)


def _examine(
    workspace: Workspace,
    member: Member,
    environment: Environment,
    lock: Lock | None,
    statements: Sequence[ExternalImport],
) -> dict[str, Any]:
    """The probe's reply. What only an extra of the member brings is no miss, so it is asked for again with them all."""
    names = sorted({item.name for item in statements if not _is_harmless(item)})
    request = {"distribution": member.name, "names": names}
    reply = run_probe(environment, "examine", request)
    extras = sorted({item.group for item in member.requirements if item.kind == "optional"})
    if not extras or not (reply["failures"] or reply["unresolved"]):
        return reply
    wheels = build_closure(workspace, {member.name: extras})
    ingredients = Ingredients(wheels, _requirements(member, wheels, extras), lock)
    with open_environment(workspace.root, f"{member.name}-extras", ingredients) as whole:
        return run_probe(whole, "examine", request) | {"loaded": reply["loaded"]}


def _is_harmless(statement: ExternalImport) -> bool:
    """Whether this import may fail, or never happens when the program runs."""
    return statement.guarded or statement.kind == "type-checking"


def _can_break(member: Member, statement: ExternalImport, reply: dict[str, Any]) -> bool:
    """Whether a statement whose name leads nowhere is a miss.

    It is none in a file that is not installed, nor where the module was imported all the same: then it stands under a
    condition that does not hold here. So does one of a distribution that is declared, but not for this platform.
    """
    if _is_harmless(statement):
        return False
    prefix = "" if member.import_root == "." else f"{member.import_root}/"
    inner = statement.file.removeprefix(prefix)
    if inner not in reply["files"] or normalise(statement.name.partition(".")[0]) in _declared(member):
        return False
    module = inner.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    failed = {failure["module"] for failure in reply["failures"]}
    return statement.kind != "toplevel" or module not in reply["modules"] or module in failed


def _declared(member: Member) -> set[str]:
    return {item.name for item in member.requirements if item.kind in ("runtime", "optional")}


def _undeclared(workspace: Workspace, member: Member, name: str, file: str, line: int) -> Finding:
    owner = _find_owner(workspace, member, name)
    provider = f" of member {owner}" if owner else ""
    told = f"imports {name}{provider}, which nothing that {member.name} declares brings"
    remedy = f"add {owner or 'what provides it'} to the dependencies in {member.manifest}, or do without"
    return Finding(UNDECLARED, file, line, told, remedy, f"{member.name} -> {owner or name.partition('.')[0]}")


def _find_owner(workspace: Workspace, member: Member, name: str) -> str | None:
    """The other member that holds this module, found by its file: a namespace may be shared by many."""
    parts = name.removesuffix(".*").split(".")
    for end in range(len(parts), 0, -1):
        path = "/".join(parts[:end])
        for other in workspace.members:
            root = "" if other.import_root == "." else f"{other.import_root}/"
            files = (f"{root}{path}.py", f"{root}{path}/__init__.py")
            if other.name != member.name and any(os.path.isfile(os.path.join(workspace.root, file)) for file in files):
                return other.name
    return None


def _source_place(workspace: Workspace, member: Member, places: Iterable[tuple[str, int]]) -> tuple[str, int]:
    """The innermost place of a traceback that lies in a file of the workspace; the member's manifest when none does."""
    roots = [other.import_root for other in (member, *workspace.members)]
    for file, line in reversed(list(places)):
        _, found, inner = file.replace(os.sep, "/").rpartition("/site-packages/")
        for root in roots if found else ():
            path = inner if root == "." else f"{root}/{inner}"
            if os.path.isfile(os.path.join(workspace.root, path)):
                return path, line
    return member.manifest, 0


def _is_never_needed(name: str, installed: Installed, named: Iterable[str]) -> bool:
    prefixes = installed.import_names(name)
    if not prefixes or installed.is_plugin(name):
        return False
    used = (use == prefix or use.startswith(f"{prefix}.") for prefix in prefixes for use in named)
    return not any(used)


def _run_tests(
    workspace: Workspace, member: Member, environment: Environment, arguments: Sequence[str], output: int | None
) -> tuple[int, frozenset[str]]:
    """The exit code of pytest, and the modules that were loaded in its process."""
    with tempfile.TemporaryDirectory(prefix="partita-tests-") as folder:
        for file in test_files(workspace, member):
            os.makedirs(os.path.join(folder, os.path.dirname(file)), exist_ok=True)
            shutil.copy2(os.path.join(workspace.root, file), os.path.join(folder, file))
        kept = os.path.join(cache_folder(workspace.root), "pytest", member.name)
        selection = _select(folder, member, test_folders(workspace, member), arguments)
        request = {"folder": folder, "arguments": ["-o", f"cache_dir={kept}", *selection]}
        reply = run_probe(environment, "tests", request, output)
    nothing_selected = reply["code"] == _NO_TESTS_COLLECTED and bool(arguments)
    return 0 if nothing_selected else reply["code"], frozenset(reply["loaded"])


def _select(folder: str, member: Member, tests: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Arguments for pytest: all tests of the member unless some path is among them, relative to it or to the root."""
    words, named = [], False
    for word in arguments:
        path = word.partition("::")[0]
        places = [word, f"{member.folder}/{word}"] if path and not word.startswith("-") else []
        found = next((p for p in places if os.path.exists(os.path.join(folder, p.partition("::")[0]))), None)
        words.append(found or word)
        named = named or found is not None
    return words if named else [*tests, *words]


def _describe(wheels: dict[str, Wheel], examination: Examination, environment: Environment) -> str:
    siblings = len(wheels) - 1
    alone = f"with {siblings} other member{'s' * (siblings != 1)}" if siblings else "alone"
    made = "made" if environment.fresh else "kept"
    return f"{next(iter(wheels))} {alone}: environment {made}, {len(examination.modules)} modules imported"


def _spawn(words: Sequence[str], variables: dict[str, str], output: int | None, deadline: int | None) -> str:
    """Run a program and tell how it ended. Output to a pipe is told only when it ended badly."""
    sys.stdout.flush()
    try:
        finished = subprocess.run(
            words,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output == subprocess.PIPE else output,
            timeout=deadline,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"did not come to an end within {deadline} s"
    how = f"signal {-finished.returncode}" if finished.returncode < 0 else f"exit code {finished.returncode}"
    last = (finished.stdout or b"").decode("utf-8", "replace").strip().rpartition("\n")[2]
    return f"ended the process with {how}" + (f": {last}" if last else "")


def _variables(environment: Environment) -> dict[str, str]:
    """The environment of a program that must find nothing but this environment."""
    kept = {name: value for name, value in os.environ.items() if name not in _INHERITED}
    path = os.pathsep.join([os.path.dirname(environment.python), kept.get("PATH", os.defpath)])
    return kept | {"PATH": path, "VIRTUAL_ENV": environment.folder}


def _last_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return f"importing {file.read().splitlines()[-1]} "
    except (OSError, IndexError):
        return "the probe "


def _load(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _store(path: str, value: dict[str, Any]) -> None:
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(temporary, path)
