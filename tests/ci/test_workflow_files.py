"""The CI workflows: valid, safe and complete."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from forge import ACTIONS, FOLDER, MAIN, ROOT, LostError, expand, fill, partita, read_workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WORKFLOWS = sorted(file.name for file in FOLDER.iterdir())


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
