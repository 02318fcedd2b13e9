from botserver.basis import with_basis
from botstate import DATABASE, IDS, Service


def names(*services: Service) -> list[str]:
    return [service.name for service in with_basis(services)]


def test_the_database_is_opened_only_for_who_needs_it() -> None:
    assert names() == ["foundation"]
    assert names(Service(name="chat", requires=(IDS,))) == ["foundation", "chat"]
    assert names(Service(name="mail", requires=(IDS, DATABASE))) == ["foundation", "database", "mail"]
