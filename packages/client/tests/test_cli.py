"""The command against the real service: every action in both spellings, the five sample workflows, and bad input."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from botserver_client import SyncOrchestrationClient, TaskRequest
from botserver_client.calling import plain
from botserver_client.cli import main
from botserver_workflows.testing import ARITHMETIC, ORDER, powers_of

NOBODY = "00000000-0000-7000-8000-000000000000"


class Done(NamedTuple):
    """What a run of the command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code in {0, 4}, self.err
        return json.loads(self.out)


Tasker = Callable[..., Done]


@pytest.fixture
def tasker(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tasker:
    """Runs the command in an empty folder, against the service."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TASKER_ORCHESTRATION_URL", server)

    def run(*words: str) -> Done:
        try:
            code = main(words)
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def api(server: str) -> Iterator[SyncOrchestrationClient]:
    with SyncOrchestrationClient(server) as client:
        yield client


def results_of(tasker: Tasker, namespace: str, name: str, context: dict[str, Any]) -> dict[str, Any]:
    created = tasker(
        "task", "create", "--namespace", namespace, "--name", name, "--input", json.dumps(context), "--wait",
        "--deadline", "60", "--format", "json",
    )  # fmt: skip
    assert created.json["status"] == "all_complete"
    steps = tasker("task", "steps", created.json["task_uuid"], "--format", "json").json
    return {step["name"]: step["results"]["result"] for step in steps}


@pytest.mark.parametrize(("namespace", "name", "powers"), ARITHMETIC)
def test_arithmetic_workflows_have_their_exact_values(
    tasker: Tasker, namespace: str, name: str, powers: dict[str, int]
) -> None:
    assert results_of(tasker, namespace, name, {"even_number": 6}) == powers_of(6, powers)


def test_the_order_workflow_has_its_total(tasker: Tasker) -> None:
    found = results_of(tasker, "order_fulfillment", "business_workflow", ORDER)
    assert list(found) == ["validate_order", "reserve_inventory", "process_payment", "ship_order"]
    assert found["validate_order"]["order_total"] == 209.97
    assert found["ship_order"]["carrier"] == "UPS"


def test_a_task_that_is_blocked_is_no_success(tasker: Tasker) -> None:
    done = tasker("task", "create", "-n", "order_fulfillment", "--name", "business_workflow", "-i", "{}", "--wait")
    assert done.code == 4
    assert "blocked_by_failures" in done.out
    assert "business_workflow: blocked_by_failures, 0 of 4 steps" in done.err


def test_a_task_is_told_when_it_is_made(tasker: Tasker, api: SyncOrchestrationClient) -> None:
    words = ("-n", "linear_workflow", "--name", "mathematical_sequence", "-i", '{"even_number": 2}')
    more = ("-p", "7", "-c", NOBODY, "-d", "to see", "--tag", "a", "--idempotency-key", "k")
    done = tasker("task", "create", *words, *more)
    (task,) = (it for it in api.list_tasks(initiator="tasker-cli").tasks if it.reason == "to see")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "✓ Task created successfully!\n"
        f"  Task UUID:  {task.task_uuid}\n"
        "  Status:     created\n"
        "  Steps:      4\n"
        f"  Created at: {task.created_at.isoformat(sep=' ', timespec='seconds')}\n"
    )
    assert (task.priority, str(task.correlation_id), task.tags, task.source_system) == (7, NOBODY, ("a",), "cli")


@pytest.fixture(scope="module")
def ended(server: str) -> tuple[str, str]:
    """The ids of a task that has ended, and of its first step."""
    with SyncOrchestrationClient(server) as client:
        made = client.create_task(TaskRequest("diamond_workflow", "diamond_pattern", {"even_number": 2}))
        client.wait_for_completion(made.task_uuid, 60)
    return str(made.task_uuid), str(made.step_mapping["diamond_start"])


@pytest.mark.parametrize("format_", ["json", "yaml"])
@pytest.mark.parametrize("by_option", [False, True])
@pytest.mark.parametrize("action", ["get", "watch", "steps", "step"])
def test_what_a_program_reads_is_the_whole_value_in_either_spelling(
    tasker: Tasker, api: SyncOrchestrationClient, ended: tuple[str, str], action: str, format_: str, by_option: bool
) -> None:
    task, step = ended
    expected: Any = api.get_task(task)
    if action.startswith("step"):
        expected = api.list_steps(task) if action == "steps" else api.get_step(task, step)
    words = ["--id", task] if by_option else [task]
    if action == "step":
        words += ["--step-id", step] if by_option else [step]
    done = tasker("task", action, *words, "--format", format_)
    assert done.code == 0
    assert (json.loads if format_ == "json" else yaml.safe_load)(done.out) == plain(expected)


@pytest.mark.parametrize("by_option", [False, True])
def test_steps_are_reset_resolved_and_completed(tasker: Tasker, by_option: bool) -> None:
    made = tasker("task", "create", "-n", "test_errors", "--name", "error_testing", "-i", '{"fail": "permanent"}',
                  "--wait", "--format", "json").json  # fmt: skip
    (failed,) = (it["workflow_step_uuid"] for it in made["steps"] if it["current_state"] == "error")
    ids = ["--step-id", failed, "--id", made["task_uuid"]] if by_option else [made["task_uuid"], failed]

    reset = tasker("task", "reset-step", *ids, "-r", "again", "--format", "json").json
    tasker("task", "watch", made["task_uuid"])
    resolved = tasker("task", "resolve-step", *ids, "-r", "known", "-b", "anna", "--format", "json").json
    completed = tasker("task", "complete-step", *ids, "-r", "found", "--result", '{"a": 1}', "--metadata", '{"b": 2}')

    assert (reset["attempts"], resolved["current_state"]) == (0, "resolved_manually")
    assert completed.code == 0
    assert completed.out.startswith("✓ Step completed successfully!\npermanent_error_step\n")
    assert '  Result:       {"a": 1}\n' in completed.out


@pytest.mark.parametrize("by_option", [False, True])
def test_a_task_is_cancelled_once(
    tasker: Tasker, idle_server: str, monkeypatch: pytest.MonkeyPatch, by_option: bool
) -> None:
    monkeypatch.setenv("TASKER_ORCHESTRATION_URL", idle_server)
    task = tasker("task", "create", "-n", "tree_workflow", "--name", "hierarchical_tree", "-i", '{"even_number": 2}',
                  "--format", "json").json["task_uuid"]  # fmt: skip
    words = ["--id", task] if by_option else [task]
    first, second = tasker("task", "cancel", *words), tasker("task", "cancel", *words)
    assert (first.code, first.out.splitlines()[0]) == (0, "✓ Task cancelled successfully!")
    assert (second.code, second.err) == (1, "✗ Failed to cancel the task: Cannot cancel a cancelled task\n")
    assert tasker("task", "watch", task).code == 4


def test_a_task_that_takes_too_long_is_told(tasker: Tasker, idle_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKER_ORCHESTRATION_URL", idle_server)
    done = tasker("task", "create", "-n", "tree_workflow", "--name", "hierarchical_tree", "-i", '{"even_number": 2}',
                  "--wait", "--deadline", "2")  # fmt: skip
    assert done.code == 3
    assert done.err.splitlines()[-1].endswith("has not ended within 2 seconds: processing, 0 of 8 steps are complete.")


def test_tasks_are_listed(tasker: Tasker, ended: tuple[str, str]) -> None:
    listed = tasker("task", "list", "-n", "diamond_workflow", "-s", "complete", "-l", "1", "--format", "json").json
    assert [task["namespace"] for task in listed["tasks"]] == ["diamond_workflow"]
    assert tasker("task", "list", "--namespace", "nobody").out == "There are no such tasks.\n"
    shown = tasker("task", "list", "--limit", "100", "--namespace", "diamond_workflow").out
    assert ended[0] in shown


def test_workers_are_told(tasker: Tasker, ended: tuple[str, str]) -> None:
    assert ended  # so a worker is there
    (worker,) = tasker("worker", "list", "-n", "diamond_workflow", "--format", "json").json
    name = worker["worker_id"]
    assert tasker("worker", "list", "-n", "nobody").out == "There are no workers.\n"
    for words in ([name], ["--id", name]):
        assert tasker("worker", "status", *words, "--format", "json").json["worker_id"] == name
        assert tasker("worker", "health", *words, "--format", "json").json[0]["status"] == "healthy"
    for words in (["--all"], ["-a"], []):
        done = tasker("worker", "health", *words)
        assert (done.code, name in done.out) == (0, True)
    assert tasker("worker", "health", name, "--all").code == 2
    assert tasker("worker", "status", NOBODY).code == 1


def test_a_system_without_workers_is_not_well(
    tasker: Tasker, idle_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = tasker("system", "health", "--orchestration", "--workers", "--format", "json").json
    assert (both["orchestration"]["status"], len(both["workers"])) == ("ready", 1)
    assert "workers" not in tasker("system", "health", "-o", "--format", "json").json
    monkeypatch.setenv("TASKER_ORCHESTRATION_URL", idle_server)
    assert [tasker("system", "health", *words).code for words in ([], ["-o"], ["-w"])] == [4, 0, 4]
    assert tasker("worker", "health").code == 4


def test_the_system_tells_what_it_has(tasker: Tasker, server: str) -> None:
    told = tasker("system", "info", "--format", "json").json
    assert (told["orchestration_url"], told["worker_url"], told["status"]) == (server, server, "ready")
    assert told["namespaces"]["linear_workflow"] == 1
    assert tasker("system", "info").out.startswith(
        f"tasker-cli {told['client_version']}\n  Orchestration: {server}, ready\n"
    )


def test_dead_letters_are_told(tasker: Tasker) -> None:
    assert tasker("dlq", "list", "-s", "cancelled", "-l", "5", "--offset", "1").out == "There are no such entries.\n"
    assert {it["total_entries"] for it in tasker("dlq", "stats", "--format", "json").json} == {0}
    for words in ([NOBODY], ["--id", NOBODY]):
        assert tasker("dlq", "get", *words).code == 1
        assert tasker("dlq", "update", *words, "-s", "cancelled", "-n", "none", "-b", "anna").code == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "the following arguments are required: COMMAND"),
        ("task", "the following arguments are required: ACTION"),
        ("task get", "Give TASK, in its place or by --id"),
        ("task get nobody", "TASK 'nobody' is no UUID"),
        ("task get --id nobody", "TASK 'nobody' is no UUID"),
        (f"task get {NOBODY} more", "Nothing is known of 'more'"),
        (f"task step {NOBODY}", "Give STEP, in its place or by --step-id"),
        ("task create", "the following arguments are required: --name"),
        ("task create --name a -i {", "this is not JSON"),
        ("task create --name a -i [1]", "this is JSON, but no object"),
        ("task create --name a -i NaN", "there is no NaN in it"),
        ("task create --name a -i @nowhere", "nowhere cannot be read: No such file or directory"),
        ("task create --name a -p x", "'x' is no whole number"),
        ("task create --name a -c x", "'x' is no UUID"),
        ("task create --name a --deadline 0", "'0' is no number of seconds"),
        ("task list --limit 101", "'101' is no whole number from 1 to 100"),
        (f"task reset-step {NOBODY} {NOBODY}", "the following arguments are required: -r/--reason"),
        ("worker status", "Give WORKER, in its place or by --id"),
        ("dlq list -s unknown", "invalid choice: 'unknown'"),
        ("config explain nothing", "There is no setting 'nothing'"),
        ("--set a task list", "'a' is no setting"),
        ("--format xml task list", "the command line sets cli.default_format, which must be one of table, json, yaml"),
        ("--orchestration-url nowhere task list", "must be the address of a server"),
        ("--config nowhere.toml task list", "nowhere.toml cannot be read"),
    ],
)
def test_bad_input_is_told_in_a_sentence(tasker: Tasker, words: str, told: str) -> None:
    done = tasker(*words.split())
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["task", "get", NOBODY], "✗ Failed to get the task: Resource not found\n"),
        (
            ["task", "create", "-n", "diamond_workflow", "--name", "diamond_pattern", "-i", '{"even_number": 1000}'],
            "✗ Failed to create the task: context.even_number: 1000 is greater than the maximum of 100.\n",
        ),
        (
            ["task", "create", "--name", "unknown"],
            "✗ Failed to create the task: Task template not found: default/unknown/1.0.0\n",
        ),
    ],
)
def test_what_the_server_refuses_is_told_in_its_words(tasker: Tasker, words: list[str], told: str) -> None:
    assert tasker(*words) == (1, "", told)


def test_a_server_that_is_not_there_is_told(tasker: Tasker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKER_ORCHESTRATION_URL", "http://127.0.0.1:9")
    done = tasker("task", "list", "--set", "orchestration.max_retries=0")
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert done.err.startswith("✗ Failed to list tasks: http://127.0.0.1:9 cannot be reached")


def test_something_else_than_the_service_is_told(tasker: Tasker, server: str) -> None:
    done = tasker("task", "list", "--orchestration-url", f"{server}/health")
    assert (done.code, done.err.count("\n")) == (1, 1)


def test_whoever_interrupts_learns_that_the_task_goes_on(idle_server: str, tmp_path: Path) -> None:
    task_of = ("-n", "tree_workflow", "--name", "hierarchical_tree", "-i", '{"even_number": 2}')
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "botserver_client",
            "--orchestration-url",
            idle_server,
            "task",
            "create",
            *task_of,
            "--wait",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has them ignore it, and so would this one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread starts here
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("hierarchical_tree: processing, 0 of 8 steps")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    task = re.search(r"Task UUID: +(\S+)", out)
    assert task is not None
    assert (process.returncode, err) == (
        130,
        f"The task goes on; `tasker-cli task watch {task[1]}` shows it again.\n",
    )


def test_a_reader_that_goes_away_is_no_error(server: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "botserver_client", "--orchestration-url", server, "system", "info"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, b"")


def test_input_may_come_from_a_file(tasker: Tasker, tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text('{"even_number": 1000}')
    done = tasker("task", "create", "-n", "diamond_workflow", "--name", "diamond_pattern", "-i", "@input.json")
    assert "1000 is greater" in done.err


def test_the_version_and_the_help_are_told(tasker: Tasker) -> None:
    assert tasker("--version").out.startswith("tasker-cli 0.")
    assert "Exit codes:" in tasker("--help").out
    assert "--idempotency-key" in tasker("task", "create", "--help").out


def test_who_is_asked_is_told_on_demand(tasker: Tasker, server: str) -> None:
    done = tasker("-v", "task", "list", "-n", "nobody")
    assert done.err == f"Settings come from no file.\nAsking {server}.\n"
