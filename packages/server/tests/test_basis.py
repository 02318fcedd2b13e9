from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from botserver.basis import with_basis
from botstate import DATABASE, IDS, AppState, Database, Provider, Service


def names(*services: Service) -> list[str]:
    return [service.name for service in with_basis(services)]


def test_the_database_is_opened_only_for_who_needs_it() -> None:
    assert names() == ["foundation"]
    assert names(Service(name="chat", requires=(IDS,))) == ["foundation", "chat"]
    assert names(Service(name="mail", requires=(IDS, DATABASE))) == ["foundation", "database", "mail"]


def test_a_service_may_take_the_place_of_one_of_the_basis() -> None:
    @asynccontextmanager
    async def open_other(_state: AppState) -> AsyncGenerator[Database]:
        raise NotImplementedError
        yield

    other = Service(name="other-database", provides=(Provider(DATABASE, open_other),))

    assert names(Service(name="mail", requires=(DATABASE,)), other) == ["foundation", "mail", "other-database"]
