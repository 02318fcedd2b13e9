"""Which distribution an import comes from: what is configured, installed, well known, and what nobody knows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from partita.distributions import (
    Distributions,
    Installed,
    find_installed,
    is_standard_library,
    parse_record,
    parse_requires,
    stubbed_name,
)
from partita.wellknown import IMPORT_NAMES, LOADED_BY_OTHERS, OWN_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOTHING = Installed(())


def install(folder: Path, name: str, files: Mapping[str, str]) -> Installed:
    """A folder of installed packages that holds the metadata of one distribution."""
    place = folder / f"{name}.dist-info"
    place.mkdir(parents=True)
    for file, content in files.items():
        (place / file).write_text(content, encoding="utf-8")
    return Installed([str(folder)])


def test_a_record_tells_what_can_be_imported() -> None:
    record = (
        "../../bin/tool,sha256=x,10\n"
        "single.py,sha256=x,10\n"
        "whole/__init__.py,sha256=x,10\n"
        "whole/part/__init__.py,sha256=x,10\n"
        "whole/__pycache__/part.cpython-311.pyc,,\n"
        "fast.cpython-311-x86_64-linux-gnu.so,sha256=x,10\n"
        "google/cloud/storage/__init__.py,sha256=x,10\n"
        "google/cloud/storage/blob.py,sha256=x,10\n"
        "google/cloud/version.py,sha256=x,10\n"
        '"odd,name.py",sha256=x,10\n'
        "whole-1.0.dist-info/METADATA,sha256=x,10\n"
        "__editable___whole_finder.py,sha256=x,10\n"
    )
    assert parse_record(record) == ("fast", "google.cloud.storage", "google.cloud.version", "single", "whole")


def test_only_what_is_needed_without_extras_is_required() -> None:
    metadata = (
        "Name: Whole\n"
        "Requires-Dist: Second_Part>=1; python_version < '4'\n"
        "Requires-Dist: third ; extra == 'more'\n"
        "\n"
        "Requires-Dist: told-in-the-description\n"
    )
    assert parse_requires(metadata) == ("second-part",)


def test_a_distribution_is_known_by_what_it_installed(tmp_path: Path) -> None:
    installed = install(tmp_path, "Odd_Name-1.0", {"RECORD": "other/__init__.py,,\n"})
    assert installed.names() == ("odd-name",)
    assert Distributions({}, installed).import_names("odd-name") == ("other",)


def test_old_metadata_names_what_can_be_imported(tmp_path: Path) -> None:
    assert install(tmp_path, "old-1.0", {"top_level.txt": "older\n_compiled\n"}).import_names("old") == (
        "_compiled",
        "older",
    )


def test_the_first_folder_wins(tmp_path: Path) -> None:
    install(tmp_path / "first", "one-1.0", {"RECORD": "new.py,,\n"})
    install(tmp_path / "second", "one-0.9", {"RECORD": "old.py,,\n"})
    installed = Installed([str(tmp_path / "absent"), str(tmp_path / "first"), str(tmp_path / "second")])
    assert installed.import_names("one") == ("new",)


def test_configuration_wins_over_what_is_installed(tmp_path: Path) -> None:
    installed = install(tmp_path, "one-1.0", {"RECORD": "one.py,,\n"})
    assert Distributions({"one": ("uno",)}, installed).import_names("one") == ("uno",)


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        ("pyyaml", ("yaml", "_yaml")),
        ("typing-extensions", ("typing_extensions",)),
        ("types-requests", ()),
        ("pandas-stubs", ()),
        ("python-multipart", ("multipart", "python_multipart")),
        ("nobody-knows-this", None),
    ],
)
def test_what_is_not_installed_is_known_by_fact_or_not_at_all(
    distribution: str, expected: tuple[str, ...] | None
) -> None:
    assert Distributions({}, NOTHING).import_names(distribution) == expected


@pytest.mark.parametrize(
    ("distribution", "name", "expected"),
    [
        ("pyyaml", "yaml", True),
        ("pyyaml", "yaml.constructor", True),
        ("pyyaml", "yamllint", False),
        ("google-cloud-storage", "google.cloud", True),
        ("google-cloud-storage", "google.cloud.bigquery", False),
        ("azure-identity", "azure.identity.aio", True),
        ("my-lib", "my_lib.core", True),
        ("my-lib", "lib", False),
    ],
)
def test_an_import_comes_from_what_is_known_or_has_its_name(distribution: str, name: str, expected: bool) -> None:
    assert Distributions({}, NOTHING).provides(distribution, name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PIL.Image", ("pillow",)),
        ("cv2", ("opencv-contrib-python", "opencv-contrib-python-headless", "opencv-python", "opencv-python-headless")),
        ("google.cloud.storage.blob", ("google-cloud-storage",)),
        ("requests.sessions", ("requests",)),
        ("nobody_knows_this", ()),
    ],
)
def test_known_providers_are_named(name: str, expected: tuple[str, ...]) -> None:
    assert Distributions({}, NOTHING).providers(name) == expected


def test_providers_are_found_among_what_is_installed(tmp_path: Path) -> None:
    installed = install(tmp_path, "odd-1.0", {"RECORD": "even/__init__.py,,\n"})
    assert Distributions({}, installed).providers("even.more") == ("odd",)


@pytest.mark.parametrize(
    ("entry_points", "expected"),
    [("[console_scripts]\na = b:c\n", False), ("[console_scripts]\na = b:c\n[pytest11]\na = b\n", True), ("", False)],
)
def test_what_registers_itself_works_unimported(tmp_path: Path, entry_points: str, expected: bool) -> None:
    known = Distributions({}, install(tmp_path, "a-1", {"entry_points.txt": entry_points}))
    assert known.works_unimported("a") is expected


def test_stubs_and_what_others_load_work_unimported() -> None:
    known = Distributions({}, NOTHING)
    assert [known.works_unimported(name) for name in ("types-requests", "tzdata", "requests")] == [True, True, False]


def test_the_environment_of_the_repository_comes_first(tmp_path: Path) -> None:
    place = tmp_path / ".venv" / "lib" / "python3.12" / "site-packages"
    install(place, "only_here-1.0", {"RECORD": "here.py,,\n"})
    installed = find_installed(str(tmp_path))
    assert installed.import_names("only-here") == ("here",)
    assert installed.folders[0] == str(place)
    assert set(sys.path) <= set(installed.folders)


@pytest.mark.parametrize("name", ["os.path", "distutils.core", "__future__", "_typeshed", "tomllib"])
def test_the_standard_library_of_every_python_is_known(name: str) -> None:
    assert is_standard_library(name)


def test_stubs_name_what_they_describe() -> None:
    assert [stubbed_name(name) for name in ("types-requests", "pandas-stubs", "requests")] == [
        "requests",
        "pandas",
        None,
    ]


def test_no_fact_contradicts_what_is_installed_here() -> None:
    """The table is checked against every distribution of it that happens to be installed."""
    installed = find_installed("/nowhere")
    here = {name: names for name in installed.names() if (names := installed.import_names(name))}
    known = Distributions({}, NOTHING)
    wrong = {}
    for name, names in here.items():
        if name in OWN_NAME or name in IMPORT_NAMES:
            missing = [one for one in names if not one.startswith("_") and not known.provides(name, one)]
            if missing:
                wrong[name] = missing
    assert wrong == {}
    assert here.keys() & OWN_NAME, "nothing of the table is installed, so nothing was compared"


def test_a_distribution_is_told_in_one_table_only() -> None:
    assert not OWN_NAME & IMPORT_NAMES.keys()
    assert not LOADED_BY_OTHERS - OWN_NAME - IMPORT_NAMES.keys()
