from importlib.metadata import Distribution, EntryPoint, PathDistribution
from pathlib import Path

import pytest

from botserver.discovery import Broken, discover, load

MODULE = """
from botstate import Service
mail = Service(name="mail")
chat = Service(name="chat")
number = 7
"""


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distribution:
    (tmp_path / "some_services.py").write_text(MODULE)
    (tmp_path / "bad_services.py").write_text("raise RuntimeError('no licence')")
    folder = tmp_path / "some-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: some\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[botserver.services]\nmail = some_services:mail\n")
    monkeypatch.syspath_prepend(tmp_path)
    return PathDistribution(folder)


def entry_point(name: str, value: str, distribution: Distribution | None = None) -> EntryPoint:
    it = EntryPoint(name, value, "botserver.services")
    return it._for(distribution) if distribution is not None else it  # type: ignore[attr-defined]  # as metadata does


def test_what_is_installed_is_found(distribution: Distribution) -> None:
    assert distribution.name == "some"
    assert "mail" in [service.name for service in discover().services]


@pytest.mark.usefixtures("distribution")
def test_services_are_sorted_by_name() -> None:
    found = load([entry_point("mail", "some_services:mail"), entry_point("chat", "some_services:chat")])

    assert ([service.name for service in found.services], found.broken) == (["chat", "mail"], ())


def test_one_that_is_broken_stops_no_other(distribution: Distribution) -> None:
    found = load(
        [
            entry_point("bad", "bad_services:bad", distribution),
            entry_point("gone", "no_such_module:gone", distribution),
            entry_point("mail", "some_services:mail", distribution),
            entry_point("number", "some_services:number", distribution),
            entry_point("post", "some_services:mail"),
        ]
    )

    assert [service.name for service in found.services] == ["mail"]
    assert found.broken == (
        Broken("bad", "some", "bad_services:bad cannot be imported: RuntimeError: no licence"),
        Broken(
            "gone",
            "some",
            "no_such_module:gone cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        Broken("number", "some", "some_services:number is a int. It must be a botstate.Service."),
        Broken(
            "post", "an unknown distribution", "some_services:mail is named mail. Give the entry point the same name."
        ),
    )
