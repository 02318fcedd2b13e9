"""The scripts that complete the command, in the shells they are for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from botserver_client.cli import main

BASH = """
source "$1"
COMP_WORDS=(tasker-cli "${@:2}")
COMP_CWORD=$(($# - 1))
_shtab_tasker_cli
printf '%s\\n' "${COMPREPLY[@]}"
"""


def need(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{shell} is not here: .ci/debian-packages installs it")
        pytest.skip(f"{shell} is not here: apt-get install {shell}")
    return found


def write(folder: Path, shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    file = folder / shell
    file.write_text(capsys.readouterr().out)
    return str(file)


def complete(shell: str, script: str, *words: str) -> set[str]:
    command = {
        "bash": [need(shell), "-c", BASH, "bash", script, *words],
        "fish": [need(shell), "--no-config", "-c", f"source {script}; complete -C 'tasker-cli {' '.join(words)}'"],
    }[shell]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.shells
@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_commands_actions_and_options_are_completed(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = write(tmp_path, shell, capsys)
    assert complete(shell, script, "wor") == {"worker"}
    assert complete(shell, script, "task", "re") == {"reset-step", "resolve-step"}
    assert {"--input", "--wait", "--idempotency-key"} <= complete(shell, script, "task", "create", "--")


@pytest.mark.shells
def test_zsh_accepts_its_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [need("zsh"), "-n", write(tmp_path, "zsh", capsys)]
    checked = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_an_unknown_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["completion", "rsh"])
    assert (caught.value.code, "choose from" in capsys.readouterr().err) == (2, True)
