"""Every check, in the order of the report."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from botlib import BotError, SystemClock
from botserver.data import data_folders, is_new
from botserver.doctor.backends import check_backends, check_database
from botserver.doctor.finding import Finding
from botserver.doctor.machine import check_clock, check_disk, check_open_files
from botserver.doctor.place import check_data_folder, check_port, nearest_folder
from botserver.doctor.runtime import check_python, check_sqlite
from botserver.listing import find_problems
from botserver.settings import ServerSettings
from botserver.tables import open_tables
from botstate import DATABASE, DatabaseSettings, basis_without, foundation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from botserver.discovery import Discovery
    from botstate import Service, Settings


def examine(discovery: Discovery, read_settings: Callable[[], Settings]) -> tuple[Finding, ...]:
    """What all checks find. Only what the settings name is connected to, and nothing is made that was not there.

    Without usable settings, what depends on them is left out.
    """
    found = [check_python(), check_sqlite(), _check_services(discovery), check_open_files()]
    try:
        settings = read_settings()
    except BotError as error:
        found.append(Finding("settings", "fail", str(error), "Mend them, and look again: `botserver config check`."))
        return tuple(found)
    found.append(Finding("settings", "pass", "They can be used."))
    return (*found, *_check_place(settings), *_check_connections(settings, discovery.services))


def _check_services(discovery: Discovery) -> Finding:
    problems = find_problems(discovery)
    if problems:
        return Finding("services", "fail", "\n".join(problems), "Install or leave out what they name.")
    names = ", ".join(service.name for service in discovery.services)
    return Finding("services", "pass", f"{names} would start." if names else "None is installed.")


def _check_place(settings: Settings) -> Iterator[Finding]:
    server = settings.part(ServerSettings)
    yield check_port(server.host, server.port)
    for folder in data_folders(settings):
        yield check_data_folder(folder)
        there = nearest_folder(folder)
        yield check_disk(there)
        yield check_clock(SystemClock(), there)


def _check_connections(settings: Settings, services: Sequence[Service]) -> tuple[Finding, ...]:
    return asyncio.run(_connect(settings, services))


async def _connect(settings: Settings, services: Sequence[Service]) -> tuple[Finding, ...]:
    others = await check_backends((foundation(settings), *basis_without(DATABASE)))
    if is_new(settings):
        return (Finding("database", "pass", "It will be made at the first start."), *others)
    try:
        async with open_tables(settings, services) as tables:
            upgrades = settings.part(DatabaseSettings).upgrade
            return (*await check_database(tables, upgrades=upgrades), *others)
    except BotError as error:
        return (Finding("database", "fail", str(error), "Mend it in the settings of database."), *others)
