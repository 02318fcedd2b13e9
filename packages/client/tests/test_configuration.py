"""Where settings come from, and what is said of those that cannot be used."""

import os
import stat
import tomllib
from pathlib import Path

import pytest

from botlib import Secret
from botserver_client.cli import main
from botserver_client.configuration import (
    KEYS,
    ConfigurationError,
    Endpoint,
    Value,
    candidates,
    load_configuration,
    write_template,
)

URL = "orchestration.base_url"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the home as well."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("TASKER_", "XDG_"))]:
        monkeypatch.delenv(name)
    return tmp_path


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_without_anything_the_defaults_count() -> None:
    configuration = load_configuration(flags={})
    expected = Endpoint("http://localhost:8080", 30.0, 3, None)
    assert (configuration.orchestration, configuration.worker, configuration.file) == (expected, expected, "")
    assert {it.origin for it in configuration.values.values()} == {"default"}


def test_flags_win_over_the_environment_over_the_file_over_the_default(folder: Path) -> None:
    file = write(folder / "a.toml", '[orchestration]\nbase_url = "http://file:1/"\n')

    def read(flags: dict[str, str], environment: dict[str, str]) -> Value:
        return load_configuration(file=str(file), flags=flags, environment=environment).values[URL]

    variable = {"TASKER_ORCHESTRATION_URL": "http://variable:1"}
    assert read({URL: "http://flag:1"}, variable) == ("http://flag:1", "the command line")
    assert read({}, variable) == ("http://variable:1", "TASKER_ORCHESTRATION_URL")
    assert read({}, {"TASKER_ORCHESTRATION_URL": ""}) == ("http://file:1", str(file))


def test_the_first_file_that_is_there_is_read(folder: Path) -> None:
    places = candidates(os.environ)
    assert places == (
        "tasker-client.toml",
        "config/tasker-client.toml",
        f"{folder}/.tasker/config.toml",
        f"{folder}/.config/tasker/client.toml",
    )
    for number, place in reversed(list(enumerate(places))):
        write(folder / place, f"[orchestration]\nmax_retries = {number}\n")
        configuration = load_configuration(flags={})
        assert (configuration.orchestration.retries, configuration.file) == (number, place)


def test_a_worker_with_an_address_has_its_own_token_and_limits() -> None:
    environment = {
        "TASKER_WORKER_URL": "https://worker",
        "TASKER_WORKER_TIMEOUT_MS": "500",
        "TASKER_WORKER_AUTH_TOKEN": "w",
        "TASKER_ORCHESTRATION_AUTH_TOKEN": "o",
    }
    configuration = load_configuration(flags={}, environment=environment)
    assert configuration.worker == Endpoint("https://worker", 0.5, 3, Secret("w"))
    assert configuration.orchestration.token == Secret("o")


def test_everything_that_is_wrong_is_told_at_once(folder: Path) -> None:
    text = (
        '[orchestration]\nbase_url = 1\ntimeout_ms = 0\nurl = "a"\n[cli]\ncolored_output = "perhaps"\n[more]\na = 1\n'
    )
    file = write(folder / "a.toml", text)
    environment = {"TASKER_CLI_FORMAT": "xml", "TASKER_WORKER_URL": "worker"}
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(file=str(file), flags={"cli.verbose_level": "9"}, environment=environment)
    address = "must be the address of a server, such as http://localhost:8080."
    explain = "but there is no such setting; `tasker-cli config explain` has all."
    assert caught.value.problems == (
        "the command line sets cli.verbose_level, which must be a whole number from 0 to 3.",
        f"TASKER_WORKER_URL {address}",
        "TASKER_CLI_FORMAT must be one of table, json, yaml.",
        f"{file} sets orchestration.base_url, which {address}",
        f"{file} sets orchestration.timeout_ms, which must be a whole number from 1 to 2147483648.",
        f"{file} sets orchestration.url, {explain}",
        f"{file} sets cli.colored_output, which must be true or false.",
        f"{file} sets more.a, {explain}",
    )


@pytest.mark.parametrize(
    ("content", "told"), [(b"a = ", "is not TOML"), (b"\xff", "is not TOML"), (None, "cannot be read: No such file")]
)
def test_a_file_that_cannot_be_used_is_told(folder: Path, content: bytes | None, told: str) -> None:
    if content is not None:
        (folder / "a.toml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=told):
        load_configuration(file="a.toml", flags={})


def test_what_is_generated_can_be_read_and_holds_every_setting(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKER_ORCHESTRATION_AUTH_TOKEN", "hidden")
    words = ["--orchestration-url", "http://a:1", "config", "generate", "--output", "new.toml"]
    assert main(words) == 0
    assert main(words) == 2
    assert capsys.readouterr().err == (
        "✗ Failed to write a file with every setting and what it means: "
        "new.toml is there already; --force writes over it.\n"
    )
    assert main([*words, "--force"]) == 0
    text = (folder / "new.toml").read_text()
    assert stat.S_IMODE((folder / "new.toml").stat().st_mode) == 0o600
    assert tomllib.loads(text) == {"orchestration": {"base_url": "http://a:1"}, "worker": {}, "cli": {}}
    assert all(f"{key.name.split('.')[1]} = " in text for key in KEYS)
    assert "hidden" not in text
    uncommented = "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line or line[:1] == "[")
    written = write(folder / "all.toml", uncommented)
    assert load_configuration(file=str(written), flags={}, environment={}).value(URL) == "http://a:1"


def test_settings_are_validated_explained_and_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKER_WORKER_AUTH_TOKEN", "hidden")
    assert main(["config", "validate"]) == 0
    assert capsys.readouterr().out == "✓ The settings can be used; no file is there.\n"
    assert main(["config", "explain", "cli.default_format"]) == 0
    assert capsys.readouterr().out == (
        "SETTING             DEFAULT  VARIABLE           MEANING\n"
        "cli.default_format  table    TASKER_CLI_FORMAT  How answers are printed: table, json or yaml\n"
    )
    assert main(["config", "explain", "--parameter", "worker.base_url", "--format", "yaml"]) == 0
    assert "variable: TASKER_WORKER_URL" in capsys.readouterr().out
    assert main(["--set", "cli.default_format=yaml", "config", "show"]) == 0
    shown = capsys.readouterr().out
    assert "- name: worker.auth_token\n  value: '***'\n  origin: TASKER_WORKER_AUTH_TOKEN\n" in shown
    assert "hidden" not in shown
    assert write_template(load_configuration(flags={}).values).startswith("[orchestration]\n# Where")


def test_a_file_that_is_valid_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "tasker-client.toml", "[cli]\nverbose_level = 1\n")
    assert main(["config", "validate"]) == 0
    told = capsys.readouterr()
    assert told.out == "✓ The settings can be used; they come from tasker-client.toml.\n"
    assert told.err == "Settings come from tasker-client.toml.\n"
