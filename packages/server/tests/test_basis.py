from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from botserver.basis import basis_without_database, with_basis
from botstate import DATABASE, IDS, WEBHOOKS, AppState, Database, Provider, Service, start_order


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


def test_what_the_basis_needs_of_itself_comes_along() -> None:
    chat = Service(name="chat", requires=(WEBHOOKS,))

    assert names(chat) == ["foundation", "database", "cache", "http", "outbox", "webhooks", "chat"]


def test_without_the_database_there_is_nothing_that_needs_it() -> None:
    assert {"events", "http"} < {service.name for service in start_order(basis_without_database())}
