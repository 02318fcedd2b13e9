"""The command: what it prints, how it exits, and that nothing is left when it cannot do what was asked."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from botserver_stack import TemporaryStack, keeping
from botserver_stack.catalogue import list_stacks
from botserver_stack.processes import find_process
from botserver_stack.running import Wish, keep_up

if TYPE_CHECKING:
    from collections.abc import Iterator


def start(root: str, *words: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "botserver_stack", *words, "--stack-root", root]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=os.environ | environment)


def run(root: str, *words: str, **environment: str) -> tuple[int, str, str]:
    process = start(root, *words, **environment)
    try:
        output, complaint = process.communicate(timeout=60)
    finally:
        process.terminate()
    return process.returncode, output, complaint


def read_ready(process: subprocess.Popen[str]) -> str:
    """The id of the stack, once it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert " is ready in " in line, line
    return line.split()[1]


@pytest.fixture
def running(root: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    process = start(root, "up", "--services", "redis")
    yield read_ready(process), process
    process.terminate()
    process.communicate(timeout=30)


def test_a_stack_is_found_by_others_and_ends_when_it_is_asked_to(
    root: str, running: tuple[str, subprocess.Popen[str]]
) -> None:
    name, process = running
    code, output, _ = run(root, "list", "--json")
    stacks = json.loads(output)["stacks"]
    assert (code, [(it["id"], it["state"], list(it["ports"])) for it in stacks]) == (0, [(name, "running", ["redis"])])
    _, output, _ = run(root, "env")
    variables = dict(shlex.split(line)[1].split("=", 1) for line in output.splitlines())
    assert variables["BOTSERVER_STACK_ID"] == name
    assert variables["REDIS_PORT"] == str(stacks[0]["ports"]["redis"])
    assert "Ready to accept" in run(root, "logs", name, "--server", "redis")[1]
    assert run(root, "down", name) == (0, f"Stack {name} has ended.\n", "")
    assert (process.wait(30), os.listdir(root)) == (0, [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda it: it.name)
def test_a_signal_is_a_clean_end(root: str, number: signal.Signals) -> None:
    process = start(root, "up", "--services", "redis")
    read_ready(process)
    process.send_signal(number)
    process.send_signal(number)  # an impatient second one changes nothing
    assert (process.wait(30), process.communicate()[1], os.listdir(root)) == (0, "", [])


def test_a_time_out_counts_from_ready_and_is_a_clean_end(root: str) -> None:
    code, output, complaint = run(root, "up", "--services", "redis", TEMP_STACK_TIMEOUT="0.2")
    assert (code, complaint, os.listdir(root)) == (0, "", [])
    assert output.splitlines()[-1].endswith("has ended.")


def test_a_time_out_that_only_exits_leaves_its_servers(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: the command returns, and nobody has ended the stack."""
    running: list[TemporaryStack] = []

    async def skip(stack: TemporaryStack, **_options: bool) -> None:
        running.append(stack)

    with monkeypatch.context() as patch:
        patch.setattr(TemporaryStack, "stop", skip)
        code = keep_up(Wish(("redis",), root, 0.1, plan_ports=False), print)
    (found,) = list_stacks(root)
    asyncio.run(running[0].stop())
    assert (code, found.state, os.listdir(root)) == (0, "running", [])


def test_a_keeper_that_forgets_what_to_keep_is_found_out(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: the folder goes, whatever was asked for."""
    twin = "import botserver_stack.keeper as k; e = k._Keeper.end; k._Keeper.end = lambda s, keep: e(s, keep=False); "
    monkeypatch.setattr(keeping, "_PROGRAM", keeping._PROGRAM.replace("main()", f"{twin}main()"))
    assert keep_up(Wish(("redis",), root, 0.1, keep=True, plan_ports=False), print) == 0
    assert list_stacks(root) == []


def test_a_folder_that_is_kept_holds_logs_and_no_process_until_it_is_swept(root: str) -> None:
    run(root, "up", "--services", "redis", "--temp-stack-timeout", "0.1", "--keep-temp-stack")
    found = json.loads(run(root, "list", "--json")[1])["stacks"][0]
    assert found["state"] == "kept"
    assert "Ready to accept" in run(root, "logs", found["id"])[1]
    assert "only its files were kept" in run(root, "env", found["id"])[2]
    assert run(root, "sweep")[1] == "Nothing was left behind.\n"
    assert run(root, "sweep", "--kept")[1] == f"{found['folder']}\n"
    assert os.listdir(root) == []


def test_the_environment_of_a_dead_stack_is_not_handed_out(
    root: str, running: tuple[str, subprocess.Popen[str]]
) -> None:
    name, process = running
    with open(os.path.join(root, os.listdir(root)[0], "botserver", "state.json"), encoding="utf-8") as file:
        state = json.load(file)
    os.kill(state["keeper"][0], signal.SIGKILL)
    assert process.wait(30) == 2
    assert "was killed, and its servers ended with it" in process.communicate()[1]
    assert find_process(state["servers"][0]["process"][0]) is None
    assert run(root, "env", name)[0] == 2
    assert os.listdir(root) == []


def test_a_command_has_the_environment_and_its_exit_code_is_kept(root: str) -> None:
    program = "import os, sys; print(os.environ['REDIS_URL']); sys.exit(7)"
    process = ["run", "--services", "redis", "--stack-root", root, "--", sys.executable, "-c", program]
    done = subprocess.run(
        [sys.executable, "-m", "botserver_stack", *process], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.startswith("redis://:"), os.listdir(root)) == (7, True, [])


def test_a_failed_command_leaves_its_stack_when_that_is_asked_for(root: str) -> None:
    words = [sys.executable, "-m", "botserver_stack", "run", "--services", "redis", "--stack-root", root, "--", "false"]
    done = subprocess.run(words, env=os.environ | {"KEEP_TEMP_STACK_ON_ERROR": "1"}, check=False)
    assert (done.returncode, len(os.listdir(root))) == (1, 1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["up", "--services", "redis,mysql"], "There is no server named 'mysql'"),
        (["up", "--temp-stack-timeout", "soon"], "'soon' is no time-out"),
        (["up", "--temp-stack-timeout", "-1"], "no time-out"),
        (["env"], "No stack runs"),
        (["env", "20300101-000000-00000000"], "There is no stack 20300101-000000-00000000"),
        (["down", "nothing"], "There is no stack nothing"),
        (["logs"], "No stack runs"),
        (["run", "--services", "redis"], "There is no command"),
        (["up", "--port", "3"], "unrecognized arguments"),
        (["start"], "usage: bot-stack"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_said_in_a_sentence_and_leaves_nothing(
    root: str, words: list[str], sentence: str
) -> None:
    code, output, complaint = run(root, *words)
    assert (code, output, os.listdir(root)) == (2, "", [])
    assert sentence in complaint


@pytest.mark.parametrize("kind", ["missing", "file", "closed", "long"])
def test_a_root_that_cannot_be_used_is_said_in_a_sentence(root: str, kind: str) -> None:
    paths = {
        "missing": os.path.join(root, "missing"),
        "file": __file__,
        "closed": "/proc",
        "long": root + "/x" * 2500,
    }
    code, output, complaint = run(paths[kind], "up", "--services", "redis")
    assert (code, output, complaint.count("\n"), os.listdir(root)) == (2, "", 1, [])
    assert complaint.startswith("bot-stack: ")
