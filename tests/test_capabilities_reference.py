"""The reference of capabilities is complete: every constant of botstate, and every contract that it offers."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import botstate
import botstate.testing
from botstate import Capability

PAGE = (Path(__file__).parents[1] / "docs" / "reference" / "capabilities.md").read_text()
CONSTANTS, CONTRACTS = PAGE.split("## Those of botstate")[1].split("## Another implementation")


def capabilities() -> dict[str, str]:
    """The constants of all modules of botstate, and the names of their types as the sources write them."""
    found: dict[str, str] = {}
    for module in pkgutil.walk_packages(botstate.__path__, "botstate."):
        if module.name.startswith("botstate.testing"):
            continue
        loaded = importlib.import_module(module.name)
        source = Path(str(loaded.__file__)).read_text()
        for name, value in vars(loaded).items():
            if isinstance(value, Capability) and re.search(rf"^{name}\b", source, re.MULTILINE):
                written = re.search(rf"^{name}\b[^\n]*?Capability\[(.+?)\](?:\(| = )", source, re.MULTILINE)
                assert written is not None, f"write {name} = Capability[…](…) in {module.name}"
                found[name] = written[1].replace('"', "")
    return found


def listed(section: str) -> dict[str, str]:
    """The first two columns of its table."""
    return dict(re.findall(r"^\| `([A-Z_]+)` \| `?([^|`]+)`? \|", section, re.MULTILINE))


def test_every_capability_stands_there_with_its_type() -> None:
    assert listed(CONSTANTS) == capabilities()


def test_every_capability_is_exported() -> None:
    assert [name for name in capabilities() if name not in botstate.__all__] == []


def test_every_contract_stands_there() -> None:
    exported = {name for name in botstate.testing.__all__ if name.endswith("_CONTRACT")}

    assert set(listed(CONTRACTS)) == exported
