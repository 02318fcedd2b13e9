"""What Podman tells as JSON, as values."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from botserver_containers.decisions.observation import ContainerState

_STATES = {"initialized": "created", "configured": "created", "removing": "stopping"}


class Row(NamedTuple):
    """One container. Moments are unix seconds; `down_since` is None unless it has run and ended."""

    id: str
    name: str
    image: str
    state: ContainerState
    exit_code: int = 0
    pid: int = 0
    started_at: float | None = None
    down_since: float | None = None
    labels: dict[str, str] = {}  # noqa: RUF012 - rows are values: nobody changes one


class ImageRow(NamedTuple):
    """One image. `id` is the hash of its content; `digests` are those under which registries know it."""

    id: str
    digests: tuple[str, ...] = ()


class Event(NamedTuple):
    """Something that happened to a container: "start", "died", "remove" and so on."""

    name: str
    status: str
    exit_code: int
    moment: float
    labels: dict[str, str] = {}  # noqa: RUF012 - as above


def state_of(text: str) -> ContainerState:
    """The state of a word of Podman; whatever is new to us is unknown."""
    word = _STATES.get(text.lower(), text.lower())
    return ContainerState(word) if word in set(ContainerState) else ContainerState.UNKNOWN


def read_ps(text: str) -> list[Row]:
    """The rows of `podman ps --all --format json`."""
    return [_row(item) for item in _load(text)]


def read_images(text: str) -> list[ImageRow]:
    """The rows of `podman image inspect`."""
    return [ImageRow(item["Id"], tuple({item.get("Digest", ""), *_digests(item)} - {""})) for item in _load(text)]


def read_event(line: str) -> Event | None:
    """The event of one line of `podman events --format json`; None for what is none."""
    try:
        item = json.loads(line)
        moment = _moment(item["Time"])
        name, status = item["Name"], item["Status"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(name, str) or not isinstance(status, str):
        return None
    return Event(name, status, int(item.get("ContainerExitCode") or 0), moment, item.get("Attributes") or {})


def read_memory(text: str) -> dict[str, int]:
    """Name -> bytes in memory, of `podman stats --no-stream --format json`, which has what does not run with none."""
    found = {}
    for item in _load(text):
        used = str(item.get("mem_usage", "")).split("/")[0].strip()
        if size := _size(used):
            found[str(item.get("name"))] = size
    return found


def _row(item: dict[str, Any]) -> Row:
    state = state_of(str(item.get("State", "")))
    # Moments that never were are far in the past, not missing.
    started, exited = float(item.get("StartedAt") or 0), float(item.get("ExitedAt") or 0)
    ended = started > 0 and exited > 0 and state is not ContainerState.RUNNING
    return Row(
        id=str(item["Id"]),
        name=str(item["Names"][0]),
        image=str(item.get("Image", "")),
        state=state,
        exit_code=int(item.get("ExitCode") or 0),
        pid=int(item.get("Pid") or 0),
        started_at=started if started > 0 else None,
        down_since=exited if ended else None,
        labels=dict(item.get("Labels") or {}),
    )


def _digests(item: dict[str, Any]) -> set[str]:
    return {str(digest).rpartition("@")[2] for digest in item.get("RepoDigests") or ()}


def _load(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(text) if text.strip() else []
    return rows


def _moment(text: str) -> float:
    whole, _, rest = text.rstrip("Z").partition(".")
    # Nine digits after the point are more than Python reads; and a zone may follow them.
    digits = "".join(character for character in rest[:9] if character.isdecimal())[:6]
    zone = rest[rest.index("+") :] if "+" in rest else "+00:00"
    return datetime.fromisoformat(f"{whole}.{digits or '0'}{zone}").timestamp()


_UNITS = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}


def _size(text: str) -> int | None:
    for unit in sorted(_UNITS, key=len, reverse=True):
        if text.endswith(unit):
            try:
                return int(float(text.removesuffix(unit)) * _UNITS[unit])
            except ValueError:
                return None
    return None
