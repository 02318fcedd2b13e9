import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import botserver
from botserver import extras


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder from which packages can be imported; what was imported from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(extras, "known_extras", lambda: ("some-service", "other"))
    yield tmp_path
    for name in ("botserver_some_service", "botserver_other"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("packages")
def test_a_service_that_is_not_installed_names_its_extra() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'botserver\[other\]'"):
        getattr(botserver, "other")  # noqa: B009 - type checkers do not know it
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'botserver\[some-service\]'"):
        exec("from botserver import some_service")


def test_a_service_that_is_installed_is_its_package(packages: Path) -> None:
    (packages / "botserver_other.py").write_text("answer = 42\n")

    assert getattr(botserver, "other").answer == 42  # noqa: B009 - type checkers do not know it


def test_a_service_whose_own_dependency_is_missing_says_which(packages: Path) -> None:
    (packages / "botserver_other.py").write_text("import no_such_dependency\n")

    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        getattr(botserver, "other")  # noqa: B009 - type checkers do not know it


def test_extras_that_bring_a_service_are_told_from_those_that_bring_a_backend() -> None:
    requirements = (
        "botlib<0.2,>=0.1",
        "botserver-core<0.2,>=0.1",
        "botstate[postgres]<0.2,>=0.1; extra == 'postgres'",
        "botserver-mail<0.2,>=0.1; extra == 'all'",
        "botserver-mail<0.2,>=0.1; extra == 'mail'",
        'botserver-meeting-notes<0.2,>=0.1; extra == "meeting-notes"',
    )

    assert list(extras._service_extras(requirements)) == ["mail", "meeting-notes"]


def test_the_extras_are_those_of_the_distribution() -> None:
    known = extras.known_extras()

    assert "all" not in known
    assert list(known) == sorted(known)
