from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from botstate import (
    BASIS,
    DATABASE,
    IDS,
    WEBHOOKS,
    AppState,
    Database,
    Provider,
    Service,
    basis_without,
    foundation,
    start_order,
    with_basis,
)


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


def test_what_is_needed_by_what_is_needed_is_there_too() -> None:
    assert names(Service(name="mail", requires=(WEBHOOKS,))) == [
        "foundation",
        "database",
        "cache",
        "http",
        "outbox",
        "webhooks",
        "mail",
    ]


def test_the_whole_basis_fits_together() -> None:
    assert len(start_order((foundation(), *BASIS))) == len(BASIS) + 1


def test_the_basis_without_a_database_fits_together() -> None:
    kept = basis_without(DATABASE)

    assert start_order((foundation(), *kept))
    assert not {"database", "outbox", "webhooks"} & {service.name for service in kept}
