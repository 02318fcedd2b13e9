"""The reference of settings is complete: every setting of the server, of the basis and of each installed service."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botlib import Secret
from botserver.discovery import discover
from botserver.settings import LogSettings, ServerSettings
from botstate import BASIS, DataSettings, SecretsSettings
from botstate.declaration import declared_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"
ROW = re.compile(r"^\| `(?P<key>[^`]+)` \| (?P<default>.*?) \| (?P<meaning>.+) \|$", re.MULTILINE)


def installed_parts() -> Mapping[str, type]:
    services = (*BASIS, *discover().services)
    parts = {service.name.replace("-", "_"): service.settings for service in services if service.settings is not None}
    return {"server": ServerSettings, "logs": LogSettings, "data": DataSettings, "secrets": SecretsSettings, **parts}


def shown(value: Any) -> str:
    """A default as an operator would write it in TOML; the page says in words what TOML cannot."""
    if value is MISSING:
        return "required"
    if value is None or (isinstance(value, Secret) and not value):
        return "none"
    if isinstance(value, Enum):
        return shown(value.value)
    if isinstance(value, tuple | frozenset | list):
        return f"`[{', '.join(shown(it).strip('`') for it in value)}]`"
    if isinstance(value, bool | int | float):
        return f"`{json.dumps(value)}`"
    return f"`{json.dumps(str(value))}`"


def test_every_setting_stands_there_with_its_default_and_its_meaning() -> None:
    listed = {match["key"]: match["default"] for match in ROW.finditer(PAGE.read_text())}
    expected = {it.key: shown(it.default) for it in declared_settings(installed_parts())}

    missing = [f"| `{key}` | {default} | … |" for key, default in expected.items() if listed.get(key) != default]
    assert missing == [], "add or mend in docs/reference/settings.md:\n" + "\n".join(missing)


def test_nothing_stands_there_that_is_not_there() -> None:
    expected = {it.key for it in declared_settings(installed_parts())}
    parts = set(installed_parts())

    listed = [match["key"] for match in ROW.finditer(PAGE.read_text())]
    # What belongs to a service that is not installed here cannot be judged.
    assert [key for key in listed if key.split(".")[0] in parts and key not in expected] == []
    assert len(listed) == len(set(listed))


def test_all_parts_are_dataclasses_that_do_not_change() -> None:
    kinds = installed_parts().values()
    assert [kind for kind in kinds if not (is_dataclass(kind) and kind.__dataclass_params__.frozen)] == []  # type: ignore[attr-defined]  # known to the standard library alone
