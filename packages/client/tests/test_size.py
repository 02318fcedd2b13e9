"""How much an installation of the client takes, with all that it needs."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import botlib
import botserver_client

LARGEST = 15 * 10**6


def find_needed(name: str, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """This distribution and all that it requires, without extras and what other platforms need."""
    if name not in found:
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            return found
        for line in found[name].requires or ():
            if "extra ==" not in line:
                find_needed(re.split(r"[^A-Za-z0-9._-]", line)[0].lower(), found)
    return found


def measure(name: str) -> int:
    """Bytes of its files. Packages of this workspace may be installed as links to their sources."""
    files = {
        Path(str(file.locate()))
        for needed in find_needed(name, {}).values()
        for file in needed.files or ()
        if file.suffix != ".pyc"
    }
    for package in (botserver_client, botlib):
        files |= set(Path(package.__path__[0]).rglob("*.py"))
    return sum(file.stat().st_size for file in files if file.is_file())


def test_the_client_takes_less_than_15_megabytes() -> None:
    assert measure("botserver-client") < LARGEST


def test_a_client_that_brought_the_server_along_would_be_caught() -> None:
    assert measure("botserver-workflows") > LARGEST
