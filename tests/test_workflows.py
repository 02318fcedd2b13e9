"""The CI workflows: valid, safe, complete, and run for real as far as that goes without a forge.

`Forge` below does what a forge does with a workflow: it evaluates expressions, expands matrices and runs the `run:`
lines as they stand under bash. Actions (`uses:`) have stand-ins: the checkout is a clean clone, caches stay empty.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".forgejo/workflows"
WORKFLOWS = sorted(file.name for file in FOLDER.iterdir())
ACTIONS = {"actions/cache", "actions/checkout"}
MAIN = {"github": {"ref": "refs/heads/main", "base_ref": "", "sha": "0" * 40}}
BRANCH = {"github": {"ref": "refs/pull/7/merge", "base_ref": "main", "sha": "0" * 40}}
SECONDS = 900  # for one step: the first `uv run` makes an environment


def read_workflow(name: str = "ci.yml") -> dict[str, Any]:
    document = YAML(typ="safe", pure=True).load((FOLDER / name).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


# What a forge does.


class LostError(Exception):
    """An expression names something that is not there. Forgejo refuses such a run; GitHub goes on with nothing."""


TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<sign>==|!=|&&|\|\||[!().,*])|(?P<name>[A-Za-z_][\w-]*))")
EMBEDDED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


def fill(value: Any, context: Mapping[str, Any]) -> Any:
    """A value of the workflow with its expressions evaluated; a value that is one expression keeps its type."""
    if isinstance(value, dict):
        return {key: fill(item, context) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, context) for item in value]
    if not isinstance(value, str):
        return value
    whole = EMBEDDED.fullmatch(value.strip())
    if whole:
        return Expression(whole[1], context).value()
    return EMBEDDED.sub(lambda found: str(Expression(found[1], context).value()), value)


class Expression:
    """The part of the expression language that the workflow uses; anything else is an error here."""

    def __init__(self, text: str, context: Mapping[str, Any]) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.context = context
        place = 0
        text = text.strip()
        while place < len(text):
            found = TOKEN.match(text, place)
            assert found is not None, f"{text!r} holds what no forge of this test understands"
            assert found.lastgroup is not None
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()

    def value(self) -> Any:
        result = self.disjunction()
        assert not self.tokens, f"left over: {self.tokens}"
        return result

    def disjunction(self) -> Any:
        left = self.conjunction()
        while self.skip("||"):
            right = self.conjunction()
            left = left or right
        return left

    def conjunction(self) -> Any:
        left = self.comparison()
        while self.skip("&&"):
            right = self.comparison()
            left = left and right
        return left

    def comparison(self) -> Any:
        left = self.primary()
        if self.skip("=="):
            return left == self.primary()
        if self.skip("!="):
            return left != self.primary()
        return left

    def primary(self) -> Any:
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        assert kind == "name", text
        if self.skip("("):
            arguments = []
            while not self.skip(")"):
                arguments.append(self.disjunction())
                self.skip(",")
            return FUNCTIONS[text](*arguments)
        value = self.look_up(self.context, text)
        while self.skip("."):
            if self.skip("*"):
                assert self.skip(".")
                name = self.tokens.pop(0)[1]
                return [self.look_up(item, name) for item in value.values()]
            value = self.look_up(value, self.tokens.pop(0)[1])
        return value

    def look_up(self, holder: Any, name: str) -> Any:
        if name not in holder:
            raise LostError(name)
        return holder[name]

    def skip(self, sign: str) -> bool:
        if self.tokens and self.tokens[0] == ("sign", sign):
            self.tokens.pop(0)
            return True
        return False


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "always": lambda: True,
    "contains": lambda items, item: item in items,
    "fromJSON": json.loads,
    "hashFiles": lambda *_: "0" * 64,
}


def expand(job: Mapping[str, Any], context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The runs of a job: one for each entry of its matrix, none when its condition does not hold."""
    if not fill(job.get("if", "${{ always() }}"), context):
        return []
    matrix = fill(job.get("strategy", {}).get("matrix", {"include": [{}]}), context)
    assert set(matrix) == {"include"}
    runs = []
    for entry in matrix["include"]:
        inner = {**context, "matrix": entry}
        runs.append({"name": fill(job["name"], inner), "matrix": entry})
    return runs


class Forge:
    """Runs jobs of a workflow in clean clones. `context` is what triggered the run."""

    def __init__(self, folder: Path, source: Path, context: Mapping[str, Any], workflow: str = "ci.yml") -> None:
        self.folder = folder
        self.source = source
        self.context = context
        self.workflow = read_workflow(workflow)

    def run(self, name: str, **context: Any) -> dict[str, str]:
        """Run the steps of a job; what it outputs. A step that fails ends the test, with all it printed."""
        job = self.workflow["jobs"][name]
        context = {**self.context, **context, "steps": {}}
        clone = self.folder / name
        for step in job["steps"]:
            if "uses" in step:
                self.stand_in(step, clone)
                continue
            outputs = self.execute(step, fill({**self.workflow.get("env", {}), **step.get("env", {})}, context), clone)
            if "id" in step:
                context["steps"][step["id"]] = {"outputs": outputs}
        return {key: str(fill(value, context)) for key, value in job.get("outputs", {}).items()}

    def stand_in(self, step: Mapping[str, Any], clone: Path) -> None:
        action, _, _ = step["uses"].partition("@")
        assert action in ACTIONS
        if action == "actions/checkout":
            git(self.folder, "clone", "--quiet", str(self.source), str(clone))
            git(clone, "switch", "--quiet", "--detach", git(self.source, "rev-parse", "HEAD").strip())

    def execute(self, step: Mapping[str, Any], variables: dict[str, str], clone: Path) -> dict[str, str]:
        files = {name: self.folder / name for name in ("GITHUB_OUTPUT", "GITHUB_PATH")}
        for file in files.values():
            file.touch()
        files["GITHUB_OUTPUT"].write_text("")
        environment = clean_environment(self.folder) | {name: str(file) for name, file in files.items()} | variables
        added = files["GITHUB_PATH"].read_text().split()
        environment["PATH"] = os.pathsep.join([*reversed(added), environment["PATH"]])
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        ran = subprocess.run(
            command, cwd=clone, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, f"{step['run']}\n{ran.stdout[-5000:]}\n{ran.stderr[-5000:]}"
        return dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())


def clean_environment(folder: Path) -> dict[str, str]:
    """What a fresh machine has: nothing of the environment that these tests run in, but uv's downloads."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("VIRTUAL_ENV", "NOX", "PYTEST", "PYTHON", "GIT_", "PARTITA", "COVERAGE", "UV"))
    }
    own = {str(Path(sys.prefix) / "bin"), str(Path(sys.executable).parent)}
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part not in own)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    downloads = {"UV_CACHE_DIR": find_downloads()} | {n: v for n, v in os.environ.items() if n.startswith("UV_INDEX")}
    return inherited | downloads | {"PATH": path, "HOME": str(home), "RUNNER_TEMP": str(folder), "CI": "true"}


def find_downloads() -> str:
    ran = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True, cwd=ROOT)
    return ran.stdout.strip()


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A Person", "-c", "user.email=person@example.org", "-c", "commit.gpgsign=false"]
    ran = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def partita(root: Path, *words: str) -> str:
    command = [sys.executable, "-m", "partita", *words, "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that holds this work tree, changes that are not committed yet included, on `main`."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git repository: clone it")
    folder = tmp_path_factory.mktemp("source") / "repository"
    git(ROOT, "clone", "--quiet", str(ROOT), str(folder))
    git(folder, "switch", "--quiet", "--force-create", "main")
    changed = git(ROOT, "ls-files", "-z", "--modified", "--others", "--deleted", "--exclude-standard").split("\0")
    for path in filter(None, changed):
        (folder / path).unlink(missing_ok=True)
        if (ROOT / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, folder / path)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=the work tree")
    return folder


# Valid and safe.


def check_schema(file: Path) -> subprocess.CompletedProcess[str]:
    return run_tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(file))


def check_safety(file: Path) -> subprocess.CompletedProcess[str]:
    return run_tool("zizmor", "--offline", "--no-progress", str(file))


def run_tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / name
    return subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", WORKFLOWS)
@pytest.mark.parametrize("check", [check_schema, check_safety])
def test_the_workflow_passes(check: Callable[[Path], subprocess.CompletedProcess[str]], name: str) -> None:
    ran = check(FOLDER / name)

    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("name", "check", "good", "bad"),
    [
        ("ci.yml", check_schema, "runs-on:", "ruins-on:"),
        ("ci.yml", check_schema, "needs: plan", "needs: {plan: 1}"),
        ("ci.yml", check_safety, "          persist-credentials: false\n", ""),
        ("ci.yml", check_safety, 'nox -s "$SESSION"', "nox -s ${{ github.head_ref }}"),
        ("ci.yml", check_safety, "permissions:\n  contents: read", "permissions: write-all"),
        ("ci.yml", check_safety, "  pull_request:", "  pull_request_target:"),
        ("containers.yml", check_schema, "options: --privileged", "option: --privileged"),
        ("containers.yml", check_safety, "          persist-credentials: false\n", ""),
        ("containers.yml", check_safety, "smoke.containers", "smoke.containers ${{ github.head_ref }}"),
    ],
)
def test_a_broken_twin_does_not_pass(
    name: str, check: Callable[[Path], subprocess.CompletedProcess[str]], good: str, bad: str, tmp_path: Path
) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert good in text
    twin = tmp_path / ".forgejo/workflows" / name
    twin.parent.mkdir(parents=True)
    twin.write_text(text.replace(good, bad))

    assert check(twin).returncode != 0


def steps_of(name: str) -> list[dict[str, Any]]:
    return [step for job in read_workflow(name)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_only_actions_pinned_by_commit_are_used(name: str) -> None:
    used = {step["uses"] for step in steps_of(name) if "uses" in step}

    assert {action.partition("@")[0] for action in used} <= ACTIONS
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in used)


def test_all_workflows_use_the_same_version_of_an_action() -> None:
    used = {step["uses"] for name in WORKFLOWS for step in steps_of(name) if "uses" in step}

    assert sorted(action.partition("@")[0] for action in used) == sorted(ACTIONS)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_expression_is_pasted_into_a_script_and_no_checkout_keeps_its_token(name: str) -> None:
    steps = steps_of(name)

    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []
    checkouts = [step["with"] for step in steps if step.get("uses", "").startswith("actions/checkout")]
    assert {values["persist-credentials"] for values in checkouts} == {False}


# Complete.


class Jobs(NamedTuple):
    names: list[str]
    sessions: list[str]


def check_jobs(workflow: Mapping[str, Any], matrix: str) -> Jobs:
    """What a run on `main` does with this output of the plan: one job for each member, and a gate that needs all."""
    jobs = workflow["jobs"]
    outputs = {
        key: fill(value, {"steps": {"plan": {"outputs": {"matrix": matrix}}}})
        for key, value in jobs["plan"]["outputs"].items()
    }
    runs = expand(jobs["tests"], {**MAIN, "needs": {"plan": {"outputs": outputs}}})
    assert set(jobs["gate"]["needs"]) == set(jobs) - {"gate"}
    commands = [step["run"] for step in jobs["tests"]["steps"] if "SESSION" in step.get("env", {})]
    assert commands == ['uv run nox -s "$SESSION"']
    variables = next(step["env"] for step in jobs["tests"]["steps"] if "SESSION" in step.get("env", {}))
    return Jobs(
        sorted(run["name"] for run in runs),
        sorted(fill(variables["SESSION"], {"matrix": run["matrix"]}) for run in runs),
    )


def test_every_member_gets_a_job_of_its_own() -> None:
    members = {member["name"] for member in json.loads(partita(ROOT, "graph", "--format", "json"))["members"]}
    matrix = partita(ROOT, "matrix")

    jobs = check_jobs(read_workflow(), matrix)

    assert {entry["member"] for entry in json.loads(matrix)} == members
    assert len(jobs.sessions) == len(set(jobs.sessions)) == len(set(jobs.names)) == len(members)


def test_nox_knows_the_session_of_every_job() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "nox", "--list", "--json", "--tags", "tests"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    known = {session["session"] for session in json.loads(ran.stdout)}

    assert set(check_jobs(read_workflow(), partita(ROOT, "matrix")).sessions) <= known


def hand_listed(workflow: dict[str, Any]) -> None:
    entries = json.loads(partita(ROOT, "matrix"))[1:]
    workflow["jobs"]["tests"]["strategy"]["matrix"]["include"] = entries


def misspelt_output(workflow: dict[str, Any]) -> None:
    workflow["jobs"]["tests"]["strategy"]["matrix"]["include"] = "${{ fromJSON(needs.plan.outputs.matriks) }}"


def renamed_output(workflow: dict[str, Any]) -> None:
    workflow["jobs"]["plan"]["outputs"] = {"packages": "${{ steps.plan.outputs.matrix }}"}


def one_name(workflow: dict[str, Any]) -> None:
    workflow["jobs"]["tests"]["name"] = "tests"


def fixed_session(workflow: dict[str, Any]) -> None:
    workflow["jobs"]["tests"]["steps"][-1]["env"]["SESSION"] = "tests-lib"


def gate_without_tests(workflow: dict[str, Any]) -> None:
    workflow["jobs"]["gate"]["needs"].remove("tests")


@pytest.mark.parametrize(
    "breakage", [hand_listed, misspelt_output, renamed_output, one_name, fixed_session, gate_without_tests]
)
def test_a_workflow_that_loses_a_member_is_caught(
    breakage: Callable[[dict[str, Any]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = read_workflow()
    breakage(twin)
    monkeypatch.setattr(sys.modules[__name__], "read_workflow", lambda *_: copy.deepcopy(twin))

    with pytest.raises((AssertionError, LostError)):
        test_every_member_gets_a_job_of_its_own()


def test_nothing_to_do_is_no_job() -> None:
    assert check_jobs(read_workflow(), "[]") == Jobs([], [])


def run_gate(results: Mapping[str, str], matrix: str) -> int:
    step = read_workflow()["jobs"]["gate"]["steps"][-1]
    needs = {name: {"result": result, "outputs": {"matrix": matrix}} for name, result in results.items()}
    filled = fill(step["env"], {"needs": needs})
    shown = {name: str(value).lower() if isinstance(value, bool) else value for name, value in filled.items()}
    ran = subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], env={**os.environ, **shown}, check=False)
    return ran.returncode


@pytest.mark.parametrize(
    ("changes", "matrix", "expected"),
    [
        ({}, '[{"name":"lib"}]', True),
        ({"lowest": "skipped"}, '[{"name":"lib"}]', True),
        ({"tests": "skipped"}, "[]", True),
        ({"tests": "skipped"}, "", False),
        ({"tests": "skipped"}, '[{"name":"lib"}]', False),
        ({"tests": "failure"}, '[{"name":"lib"}]', False),
        ({"checks": "cancelled"}, '[{"name":"lib"}]', False),
        ({"plan": "failure", "tests": "skipped"}, "", False),
    ],
)
def test_the_gate_is_green_only_when_everything_ran_that_had_to(
    changes: dict[str, str], matrix: str, expected: bool
) -> None:
    results = dict.fromkeys(read_workflow()["jobs"]["gate"]["needs"], "success") | changes

    assert (run_gate(results, matrix) == 0) is expected


def needed_folders(*members: str) -> set[str]:
    """The folders of these members and of all that they need to run."""
    graph = json.loads(partita(ROOT, "graph", "--format", "json"))
    folders = {member["name"]: member["folder"] for member in graph["members"]}
    needed, waiting = set(members), list(members)
    while waiting:
        name = waiting.pop()
        for edge in graph["edges"]:
            if edge["from"] == name and "runtime" in edge["kinds"] and edge["to"] not in needed:
                needed.add(edge["to"])
                waiting.append(edge["to"])
    return {folders[name] for name in needed}


def list_tasks() -> list[str]:
    command = [sys.executable, "-m", "invoke", "--list"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def test_a_change_of_anything_that_the_containers_run_with_runs_their_workflow() -> None:
    # YAML 1.2 knows no other word for "on".
    paths = read_workflow("containers.yml")["on"]["push"]["paths"]

    folders = needed_folders("botserver", "botserver-containers")
    others = {".ci/**", ".forgejo/workflows/containers.yml", "requirements.lock", "tasks.py"}
    assert set(paths) == {f"{folder}/**" for folder in folders} | others


def test_a_change_of_anything_that_the_integration_runs_with_runs_its_workflow() -> None:
    paths = read_workflow("integration.yml")["on"]["push"]["paths"]

    folders = needed_folders(
        "botserver", "botserver-workflows", "botserver-client", "botserver-containers", "botserver-stack"
    )
    others = {".ci/**", ".forgejo/workflows/integration.yml", "deploy/**", "docker-compose.integration.yml"}
    others |= {"requirements.lock", "tasks.py", "tests/integration/**"}
    assert set(paths) == {f"{folder}/**" for folder in folders} | others


def test_the_integration_is_a_command_that_a_person_has() -> None:
    command = read_workflow("integration.yml")["jobs"]["compose"]["steps"][-2]["run"]

    assert command == "timeout 900 uv run invoke integration.workflows --compose --debian"
    assert "integration.workflows" in list_tasks()


def test_the_real_containers_come_after_the_logic_and_by_a_command_that_a_person_has() -> None:
    jobs = read_workflow("containers.yml")["jobs"]
    command = jobs["smoke"]["steps"][-1]["run"]

    assert jobs["smoke"]["needs"] == "logic"
    assert re.fullmatch(r"timeout 300 uv run invoke (smoke\.containers)", command)
    assert "smoke.containers" in list_tasks()


# Run for real.


@pytest.mark.slow
def test_the_plan_and_one_package_run_in_a_clean_clone(source: Path, tmp_path: Path) -> None:
    forge = Forge(tmp_path, source, MAIN)

    matrix = forge.run("plan")["matrix"]

    entries = {entry["member"]: entry for entry in json.loads(matrix)}
    members = {member["name"] for member in json.loads(partita(source, "graph", "--format", "json"))["members"]}
    assert set(entries) == members
    forge.run("tests", matrix=entries["botlib"])


@pytest.mark.slow
def test_the_plan_of_a_branch_is_what_it_affects(source: Path, tmp_path: Path) -> None:
    git(source, "switch", "--quiet", "--create", "branch")
    (source / "packages/lib/tests/test_nothing.py").write_text("")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message=change a test")

    matrix = Forge(tmp_path, source, BRANCH).run("plan")["matrix"]

    assert [entry["session"] for entry in json.loads(matrix)] == ["tests-lib"]


@pytest.mark.slow
def test_the_logic_of_containers_runs_in_a_clean_clone(source: Path, tmp_path: Path) -> None:
    Forge(tmp_path, source, MAIN, "containers.yml").run("logic")


# The script that CI starts with.


def test_ci_runs_the_command_of_the_readme_word_for_word() -> None:
    commands = re.findall(r"^Pass every test:\n\n```sh\n(.+)\n```", (ROOT / "README.md").read_text(), re.MULTILINE)
    lines = (ROOT / ".ci/run").read_text().splitlines()

    assert len(commands) == 1
    assert lines[-1] == commands[0]
    assert "set -euo pipefail" in lines


class Machine:
    """A path with only what the script for Debian packages uses, so that programs can be there or not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.root = folder / "repository"
        (self.root / ".ci").mkdir(parents=True)
        shutil.copy2(ROOT / ".ci/debian-packages", self.root / ".ci")
        for name in ("bash", "dirname", "grep", "env"):
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)
        self.program("apt-get", 'echo "$@" >> "$LOG"')
        self.program("id", "echo 0")
        self.program("python3", "exit 0")
        self.write("packages/lib/tests/test_a.py", "")
        self.write("tools/partita/tests/test_page.py", "pytestmark = pytest.mark.browser\n")

    def program(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
        (self.bin / name).chmod(0o755)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def prepare(self, *arguments: str) -> tuple[int, list[str], str]:
        log = self.folder / "log"
        log.write_text("")
        ran = subprocess.run(
            ["bash", ".ci/debian-packages", *arguments],
            cwd=self.root, env={"PATH": str(self.bin), "LOG": str(log)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return ran.returncode, log.read_text().splitlines(), ran.stderr


INSTALL = "install --quiet --yes --no-install-recommends"


def test_debian_packages_are_installed_where_a_test_needs_them(tmp_path: Path) -> None:
    machine = Machine(tmp_path)

    found = [machine.prepare(*words) for words in ([], ["tools/partita"], ["packages/lib"], ["."], ["--no-tests"])]

    browser = (0, ["update --quiet", f"{INSTALL} chromium"], "")
    assert found == [browser, browser, (0, [], ""), (0, [], ""), (0, [], "")]


def test_podman_comes_with_what_its_tests_need(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("packages/lib/tests/test_b.py", "pytestmark = pytest.mark.podman\n")
    packages = "podman runc netavark aardvark-dns catatonit iptables busybox-static docker-registry"
    with_ssh = f"{packages} openssh-server openssh-client rsync"

    found = [machine.prepare(folder) for folder in ("packages/lib", "tools/partita", ".")]

    assert found[0] == (0, ["update --quiet", f"{INSTALL} {with_ssh}"], "")
    assert found[1:] == [(0, ["update --quiet", f"{INSTALL} chromium"], ""), (0, [], "")]
    for program in ("podman", "runc", "docker-registry", "busybox", "catatonit", "iptables", "rsync", "ssh"):
        machine.program(program, "exit 0")
    assert machine.prepare("packages/lib") == (0, [], "")


def test_debian_packages_that_are_there_are_not_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.program("chromium", "exit 0")

    assert machine.prepare() == (0, [], "")


def test_a_python_that_cannot_make_environments_gets_what_it_lacks(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.program("python3", "exit 1")

    assert machine.prepare("--no-tests") == (0, ["update --quiet", f"{INSTALL} python3-venv"], "")


def test_without_the_right_to_install_there_is_a_sentence(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.program("id", "echo 1000")

    assert machine.prepare() == (1, [], f"missing: chromium; as root: apt-get {INSTALL} chromium\n")
    (machine.bin / "apt-get").unlink()
    assert machine.prepare() == (1, [], "missing: chromium; this is no Debian, so install them by hand\n")
