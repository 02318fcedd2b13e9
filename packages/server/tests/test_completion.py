import os
import shutil
import subprocess
from pathlib import Path

import pytest

from botserver.cli import create_parser, main
from botserver.completion import write_script

BASH = """
source "$1"
COMP_WORDS=(botserver "${@:2}")
COMP_CWORD=$(($# - 1))
_shtab_botserver
printf '%s\\n' "${COMPREPLY[@]}"
"""


def need(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{shell} is not here: .ci/debian-packages installs it")
        pytest.skip(f"{shell} is not here: apt-get install {shell}")
    return found


def write(tmp_path: Path, shell: str) -> str:
    file = tmp_path / shell
    file.write_text(write_script(create_parser(), shell, ["chat", "mail"]))
    return str(file)


def complete(shell: str, script: str, *words: str) -> set[str]:
    command = {
        "bash": [need(shell), "-c", BASH, "bash", script, *words],
        "fish": [need(shell), "--no-config", "-c", f"source {script}; complete -C 'botserver {' '.join(words)}'"],
    }[shell]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.shells
@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_commands_options_and_services_are_completed(shell: str, tmp_path: Path) -> None:
    script = write(tmp_path, shell)

    assert complete(shell, script, "se") == {"serve", "services"}
    assert complete(shell, script, "config", "sh") == {"show"}
    assert {"chat", "mail"} <= complete(shell, script, "serve", "")
    assert {"--port", "--host", "--config"} <= complete(shell, script, "serve", "--")


@pytest.mark.shells
def test_zsh_accepts_its_script(tmp_path: Path) -> None:
    checked = subprocess.run([need("zsh"), "-n", write(tmp_path, "zsh")], capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_command_prints_the_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "doctor" in capsys.readouterr().out


def test_an_unknown_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["completion", "rsh"])
    assert (caught.value.code, "choose from" in capsys.readouterr().err) == (2, True)
