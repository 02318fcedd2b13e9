"""The meta-package offers every service and tool of the platform that is a member of this workspace."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SERVER = ROOT / "packages" / "server"
#: Members that are no extra: the command stands on them, or they are for the people who use a server from outside.
ALWAYS = {"botlib", "botstate", "botserver", "botserver-core"}

#: What an extra of the meta-package brings of a member's own extras, and besides the member.
EXTRAS = {"botserver-stack": "[s3]"}
BESIDES = {"botserver-stack": ["botstate[postgres,redis,s3]>=0.1,<0.2"]}


def manifest(folder: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return project


def offered() -> list[str]:
    names = [manifest(folder)["name"] for folder in (ROOT / "packages").iterdir()]
    return sorted(name for name in names if name not in ALWAYS)


def test_every_member_has_its_extra_and_is_part_of_all() -> None:
    extras = manifest(SERVER)["optional-dependencies"]
    for distribution in offered():
        name = distribution.removeprefix("botserver-")
        requirement = f"{distribution}{EXTRAS.get(distribution, '')}>=0.1,<0.2"
        wanted = [requirement, *BESIDES.get(distribution, [])]
        assert extras.get(name) == wanted, f"add to packages/server/pyproject.toml: {name} = {wanted}"
        assert requirement in extras["all"], f'add "{requirement}" to `all` in packages/server/pyproject.toml'


def test_every_member_is_known_to_type_checkers_by_its_short_name() -> None:
    source = (SERVER / "src" / "botserver" / "__init__.py").read_text()
    block = source.split("if TYPE_CHECKING:  # what an extra brings")[1].split("if not TYPE_CHECKING")[0]
    for distribution in offered():
        package, name = (it.replace("-", "_") for it in (distribution, distribution.removeprefix("botserver-")))
        assert f"    import {package} as {name}\n" in block, f"add to botserver/__init__.py: import {package} as {name}"
        assert f'"{name}"' in block, f'add to `__all__ +=` in botserver/__init__.py: "{name}"'


def test_every_backend_of_the_basis_has_its_extra() -> None:
    extras = manifest(SERVER)["optional-dependencies"]
    for folder, distribution in (("state", "botstate"), ("core", "botserver-core")):
        for name in manifest(ROOT / "packages" / folder).get("optional-dependencies", {}):
            if name != "testing":  # what only tests need
                wanted = [f"{distribution}[{name}]>=0.1,<0.2"]
                assert extras.get(name) == wanted, f"add the extra {name} of {distribution}"


def test_all_is_all_other_extras() -> None:
    extras = manifest(SERVER)["optional-dependencies"]
    others = {requirement for name, listed in extras.items() if name != "all" for requirement in listed}

    assert merged(extras["all"]) == merged(others)


def merged(requirements: Any) -> dict[str, set[str]]:
    """Distribution -> its extras, so that `a[b]` and `a[c]` are the same as `a[b,c]`."""
    found: dict[str, set[str]] = {}
    for requirement in requirements:
        match = re.match(r"([a-z0-9-]+)(?:\[([a-z0-9,-]+)\])?", requirement)
        assert match is not None
        found.setdefault(match[1], set()).update((match[2] or "").split(","))
    return {name: extras - {""} for name, extras in found.items()}
