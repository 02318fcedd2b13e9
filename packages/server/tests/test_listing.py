from botserver.discovery import Broken, Discovery
from botserver.listing import describe, find_problems, render
from botstate import IDS, Capability, Service, given

MAIL = Capability[str]("mail", remedy="Install botserver[mail].")
BROKEN = Broken("bad", "botserver-bad", "bad:service cannot be imported.")
POST = Service(name="post", summary="Letters.", paths=("/mail", "/ws"), provides=(given(MAIL, ""),), requires=(IDS,))


def test_services_that_fit_have_no_problems() -> None:
    assert find_problems(Discovery((POST,), ())) == ()


def test_what_hinders_the_start_is_told() -> None:
    needy = Service(name="chat", requires=(MAIL,))

    assert find_problems(Discovery((needy,), (BROKEN,))) == (
        "bad (of botserver-bad) cannot be loaded: bad:service cannot be imported.",
        "chat needs mail, which no service here provides. Install botserver[mail].",
    )


def test_the_value_for_programs() -> None:
    assert describe(Discovery((POST,), ()), ("It rains.",)) == {
        "schema": 1,
        "services": [
            {
                "name": "post",
                "summary": "Letters.",
                "paths": ["/mail", "/ws"],
                "provides": ["mail"],
                "requires": ["ids"],
            }
        ],
        "problems": ["It rains."],
    }


def test_the_text_for_people() -> None:
    assert render(Discovery((), ()), ()) == "No service is installed.\n"
    assert render(Discovery((POST, Service(name="bare")), ()), ("It rains.",)) == (
        "post: Letters.\n  paths /mail, /ws\n  provides mail\n  requires ids\n\nbare\n\nIt rains.\n"
    )
