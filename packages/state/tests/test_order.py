from typing import Any

import pytest

from botstate import Capability, Service, StartupError, given, start_order

DRIVE = Capability[str]("drive", remedy="Install botserver[drive].")
LLM = Capability[str]("llm")
MAIL = Capability[str]("mail")


def service(
    name: str,
    *,
    gives: tuple[Capability[str], ...] = (),
    needs: tuple[Capability[Any], ...] = (),
    paths: str = "",
    exact: str = "",
) -> Service:
    return Service(
        name=name,
        provides=tuple(given(it, "") for it in gives),
        requires=needs,
        paths=tuple(paths.split()),
        exact_paths=tuple(exact.split()),
    )


def problems(*services: Service) -> tuple[str, ...]:
    with pytest.raises(StartupError) as caught:
        start_order(services)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_providers_come_before_those_who_need_them_and_names_decide_the_rest() -> None:
    given_order = (
        service("chat", needs=(LLM, DRIVE)),
        service("zoo"),
        service("models", gives=(LLM,), needs=(DRIVE,)),
        service("storage", gives=(DRIVE,)),
        service("auth"),
    )

    for services in (given_order, given_order[::-1]):
        assert [it.name for it in start_order(services)] == ["auth", "storage", "zoo", "models", "chat"]


def test_no_services_are_in_order() -> None:
    assert start_order(()) == ()


def test_a_service_may_need_what_it_provides_itself() -> None:
    assert [it.name for it in start_order([service("storage", gives=(DRIVE,), needs=(DRIVE,))])] == ["storage"]


def test_a_capability_that_nobody_provides() -> None:
    assert problems(service("chat", needs=(DRIVE, LLM))) == (
        "chat needs drive, which no service here provides. Install botserver[drive].",
        "chat needs llm, which no service here provides. Install or start a service that provides it.",
    )


def test_a_capability_that_several_provide() -> None:
    assert problems(service("a", gives=(DRIVE,)), service("b", gives=(DRIVE,)), service("c", gives=(DRIVE,))) == (
        "a, b and c all provide drive. Leave all but one of them out.",
    )


def test_two_capabilities_of_one_name() -> None:
    assert problems(service("a", gives=(DRIVE,)), service("b", needs=(Capability[int]("drive"),))) == (
        (
            "a and b use two different capabilities that are both named drive. "
            "Import the constant instead of making a second one."
        ),
    )


def test_services_that_wait_for_each_other() -> None:
    ring = (
        service("mail", gives=(MAIL,), needs=(LLM,)),
        service("models", gives=(LLM,), needs=(DRIVE,)),
        service("drive", gives=(DRIVE,), needs=(MAIL,)),
        service("auth"),
    )

    assert problems(*ring) == (
        (
            "Services wait for each other: drive needs mail needs models needs drive. "
            "Split one of them, or move what is shared to a third."
        ),
    )


def test_two_services_of_one_name() -> None:
    assert problems(service("mail"), service("mail")) == ("2 services are named mail. Rename one, or uninstall one.",)


@pytest.mark.parametrize("name", ["", "Mail", "my_mail", "2mail", "mail-", "a--b", "../mail"])
def test_a_name_that_no_url_or_package_could_have(name: str) -> None:
    assert problems(service(name)) == (
        f"{name!r} cannot name a service: use lower case, digits and single dashes, as in meeting-notes.",
    )


def test_two_services_that_claim_one_path() -> None:
    assert problems(service("chat", paths="/ws"), service("mail", paths="/mail /ws")) == (
        "chat and mail both claim /ws. Run them in two servers, or change the paths of one.",
    )


def test_a_path_within_the_path_of_another() -> None:
    expected = ("rules claims /mail/rules, which lies in /mail of mail. Change the paths of one.",)

    assert problems(service("mail", paths="/mail"), service("rules", paths="/mail/rules")) == expected
    assert start_order([service("mail", paths="/mail"), service("mailing", paths="/mailing")])


def test_what_lies_below_an_exact_path_may_be_another_one_s() -> None:
    assert start_order([service("chat", exact="/ws"), service("data", paths="/ws/db")])
    assert start_order([service("chat", exact="/ws"), service("data", exact="/ws/db")])
    assert problems(service("chat", exact="/ws"), service("data", exact="/ws")) == (
        "chat and data both claim /ws. Run them in two servers, or change the paths of one.",
    )
    assert problems(service("chat", exact="/ws/db"), service("data", paths="/ws")) == (
        "chat claims /ws/db, which lies in /ws of data. Change the paths of one.",
    )


def test_a_path_that_is_claimed_twice_by_one() -> None:
    assert problems(service("mail", paths="/mail /mail")) == ("mail claims /mail twice. Remove one of the two.",)


@pytest.mark.parametrize("path", ["/", "mail", "/mail/", "//mail", "/mail?x", "/{name}"])
def test_a_path_that_cannot_be_claimed(path: str) -> None:
    assert problems(service("mail", paths=path)) == (
        f"mail claims {path!r}, which is not written like /mail: a slash first, and none at the end.",
    )


def test_a_router_without_a_path() -> None:
    silent = Service(name="mail", create_router=lambda _state: pytest.fail("nothing is made to find the order"))

    assert problems(silent) == ('mail has a router and claims no path. Add paths=("/mail",) to its manifest.',)


def test_every_problem_is_told_at_once() -> None:
    assert len(problems(service("Mail", paths="mail", needs=(DRIVE,)), service("chat", needs=(LLM,)))) == 4
