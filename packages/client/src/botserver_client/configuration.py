"""The settings of the command: every key once, with where it may come from.

Flags win over the environment, which wins over a file.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from botlib import Secret
from botserver_client.connection import check_url
from botserver_client.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FORMATS = ("table", "json", "yaml")
_MOST = 2**31


class ConfigurationError(ClientError):
    """The settings cannot be used. One sentence a problem."""

    code = "configuration"

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Key(NamedTuple):
    """One setting. `read` takes what stands in a file or a variable, and raises `ValueError` with what it should be."""

    name: str
    read: Callable[[object], Any]
    default: Any
    variable: str
    meaning: str


class Value(NamedTuple):
    """What a setting is, and where that comes from."""

    value: Any
    origin: str


class Endpoint(NamedTuple):
    """A server, and how it is talked to. `timeout` is in seconds."""

    base_url: str
    timeout: float
    retries: int
    token: Secret | None


class Configuration(NamedTuple):
    """Every setting by its name. `file` is the one that was read, "" for none."""

    values: Mapping[str, Value]
    file: str

    def value(self, name: str) -> Any:
        """A setting by its name."""
        return self.values[name].value

    @property
    def orchestration(self) -> Endpoint:
        """The orchestration."""
        return self._endpoint("orchestration")

    @property
    def worker(self) -> Endpoint:
        """The workers. The orchestration knows them too, so without an address of their own it is asked."""
        return self._endpoint("worker") if self.value("worker.base_url") else self.orchestration

    def _endpoint(self, section: str) -> Endpoint:
        token: Secret = self.value(f"{section}.auth_token")
        timeout, retries = self.value(f"{section}.timeout_ms") / 1000, self.value(f"{section}.max_retries")
        return Endpoint(self.value(f"{section}.base_url"), timeout, retries, token or None)


def load_configuration(
    *, file: str = "", flags: Mapping[str, str], environment: Mapping[str, str] = os.environ
) -> Configuration:
    """The settings, or `ConfigurationError` with everything that is wrong with them.

    `file` is the one that was named; else the first of `candidates` that is there is read. `flags` are settings by
    their names.
    """
    name = file or next((it for it in candidates(environment) if os.path.isfile(it)), "")
    problems: list[str] = []
    layers = (
        _from_mapping(flags, "the command line", problems),
        _from_environment(environment, problems),
        _from_file(name, problems) if name else {},
        {key.name: Value(key.read(key.default), "default") for key in KEYS},
    )
    if problems:
        raise ConfigurationError(*problems)
    merged: dict[str, Value] = {}
    for layer in reversed(layers):
        merged |= layer
    return Configuration({key.name: merged[key.name] for key in KEYS}, name)


def candidates(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The files that are looked for when none is named, the first that is there counts."""
    home = environment.get("HOME") or os.path.expanduser("~")
    folder = environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    return (
        "tasker-client.toml",
        os.path.join("config", "tasker-client.toml"),
        os.path.join(home, ".tasker", "config.toml"),
        os.path.join(folder, "tasker", "client.toml"),
    )


def write_template(values: Mapping[str, Value]) -> str:
    """A file with every setting and what it means. Those that are the default are written as comments; no secret is."""
    lines: list[str] = []
    section = ""
    for key in KEYS:
        head, _, name = key.name.partition(".")
        if head != section:
            section = head
            lines += ["", f"[{head}]"] if lines else [f"[{head}]"]
        value, origin = values[key.name]
        hidden = isinstance(value, Secret)
        told = f"; or in {key.variable}" if key.variable else ""
        lines.append(f"# {key.meaning}{told}")
        written = f"{name} = {_toml('' if hidden else value)}"
        lines.append(f"# {written}" if hidden or origin == "default" else written)
    return "\n".join([*lines, ""])


def _from_file(name: str, problems: list[str]) -> dict[str, Value]:
    try:
        document = tomllib.loads(Path(name).read_text("utf-8"))
    except OSError as error:
        problems.append(f"{name} cannot be read: {error.strerror}.")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{name} is not TOML: {error}.")
    else:
        flat: dict[str, object] = {}
        for section, held in document.items():
            inner = held.items() if isinstance(held, dict) else ()
            flat |= {f"{section}.{key}": value for key, value in inner} or {section: held}
        return _from_mapping(flat, name, problems)
    return {}


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key in KEYS:
        if key.variable and environment.get(key.variable):
            _read(key, environment[key.variable], key.variable, found, problems)
    return found


def _from_mapping(settings: Mapping[str, object], origin: str, problems: list[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, value in settings.items():
        key = _BY_NAME.get(name)
        if key is not None:
            _read(key, value, origin, found, problems)
        elif name not in _SECTIONS:
            problems.append(f"{origin} sets {name}, but there is no such setting; `tasker-cli config explain` has all.")
    return found


def _read(key: Key, value: object, origin: str, found: dict[str, Value], problems: list[str]) -> None:
    try:
        found[key.name] = Value(key.read(value), origin)
    except ValueError as error:
        told = "" if origin == key.variable else f" sets {key.name}, which"
        problems.append(f"{origin}{told} must be {error}.")


def _url(value: object) -> str:
    try:
        return check_url(value) if isinstance(value, str) else check_url("")
    except ClientError:
        raise ValueError("the address of a server, such as http://localhost:8080") from None


def _url_or_none(value: object) -> str:
    return "" if value == "" else _url(value)


def _number(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        text = str(value)
        if isinstance(value, bool) or not text.isascii() or not text.isdecimal() or not least <= int(text[:12]) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _boolean(value: object) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if str(value).lower() not in known:
        raise ValueError("true or false")
    return known[str(value).lower()]


def _format(value: object) -> str:
    if value not in FORMATS:
        raise ValueError(f"one of {', '.join(FORMATS)}")
    return str(value)


def _secret(value: object) -> Secret:
    if not isinstance(value, str) or not (value == "" or (value.isascii() and value.isprintable())):
        raise ValueError("a token of printable characters")
    return Secret(value)


def _toml(value: object) -> str:
    import json

    return json.dumps(value)  # the same for text, whole numbers and booleans


def _section(name: str, title: str, url: Key) -> Sequence[Key]:
    prefix = f"TASKER_{name.upper()}"
    return (
        url,
        Key(
            f"{name}.timeout_ms",
            _number(1, _MOST),
            30_000,
            f"{prefix}_TIMEOUT_MS",
            f"Milliseconds that a call of {title} may take, with its retries",
        ),
        Key(f"{name}.max_retries", _number(0, 100), 3, "", "How often a call is made again, where that is safe"),
        Key(
            f"{name}.auth_token", _secret, "", f"{prefix}_AUTH_TOKEN", f"The bearer token for {title}; nothing shows it"
        ),
    )


KEYS: tuple[Key, ...] = (
    *_section(
        "orchestration",
        "the orchestration",
        Key(
            "orchestration.base_url",
            _url,
            "http://localhost:8080",
            "TASKER_ORCHESTRATION_URL",
            "Where the orchestration is",
        ),
    ),
    *_section(
        "worker",
        "the workers",
        Key(
            "worker.base_url",
            _url_or_none,
            "",
            "TASKER_WORKER_URL",
            "Where a worker is; without it the orchestration is asked, with its token and limits",
        ),
    ),
    Key("cli.default_format", _format, "table", "TASKER_CLI_FORMAT", "How answers are printed: table, json or yaml"),
    Key("cli.colored_output", _boolean, True, "TASKER_CLI_COLORED", "Whether a terminal is shown colours"),
    Key("cli.verbose_level", _number(0, 3), 0, "", "From 1 on, it is told which file was read and who is asked"),
)
_BY_NAME = {key.name: key for key in KEYS}
_SECTIONS = {key.name.partition(".")[0] for key in KEYS}
