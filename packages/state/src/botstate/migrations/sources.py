"""Where the revisions of the services are. Reads folders; loads neither Alembic nor the revisions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from botstate.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import MetaData

    from botstate.service import Service


class MigrationError(StateError):
    """The database cannot be brought to the state that the code needs. Nothing was changed."""

    code = "migration"


@dataclass(frozen=True)
class Migrations:
    """The revisions of a service: Python files in the folder `versions` of this package ("botserver_drive").

    `tables` gives the tables as the code of the newest revision sees them. It is asked only where revisions are
    written and compared, so it may import what it likes.
    """

    package: str
    tables: Callable[[], MetaData] | None = None


class Source(NamedTuple):
    """The revisions of one installed service. `digest` changes when a file does; `release` is "" when it is unknown."""

    name: str
    branch: str
    package: str
    folder: Path
    release: str
    digest: str


def find_sources(services: Iterable[Service]) -> tuple[Source, ...]:
    """The revisions of the services that have any, in the order of the services; `database` stands first.

    Raises `MigrationError` for a package that has no folder `versions`.
    """
    sources = [_find(service.name, service.migrations) for service in services if service.migrations is not None]
    return tuple(sorted(sources, key=lambda source: source.name != "database"))


def find_folder(package: str) -> Path:
    """The folder `versions` of a package, which need not be there."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MigrationError(f"The package {package}, which holds migrations, cannot be found.")
    return Path(spec.submodule_search_locations[0], "versions")


def branch_name(service: str) -> str:
    """The label of its branch: Alembic does not take dashes."""
    return service.replace("-", "_")


def _find(name: str, migrations: Migrations) -> Source:
    folder = find_folder(migrations.package)
    if not folder.is_dir():
        raise MigrationError(
            f"{name} has migrations in {migrations.package}, which has no folder named versions.",
            remedy="Make one, or leave migrations out of the manifest.",
        )
    release = _release(migrations.package.partition(".")[0])
    return Source(name, branch_name(name), migrations.package, folder, release, _digest(folder))


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)} ".encode() + content)
    return digest.hexdigest()


def _release(package: str) -> str:
    from importlib import metadata  # 15 ms of start-up

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
