import pytest

from botlib import BotError, LimitError, NotFoundError, errors


def test_the_text_ends_with_the_remedy() -> None:
    error = NotFoundError("There is no bot named anna.", remedy="List the bots with `botserver bots`.")

    assert str(error) == "There is no bot named anna. List the bots with `botserver bots`."
    assert (error.message, error.remedy) == ("There is no bot named anna.", "List the bots with `botserver bots`.")


def test_without_a_remedy_the_text_is_the_message() -> None:
    assert str(BotError("Nothing to say.")) == "Nothing to say."


def test_a_limit_tells_when_to_come_back() -> None:
    assert LimitError("Too many requests.", retry_after=2.5).retry_after == 2.5
    assert LimitError("Too many requests.").retry_after is None


def test_every_kind_has_a_code_of_its_own() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BotError)]

    assert len({kind.code for kind in kinds}) == len(kinds) == 8


@pytest.mark.parametrize("kind", BotError.__subclasses__())
def test_every_kind_is_caught_as_the_base(kind: type[BotError]) -> None:
    with pytest.raises(BotError, match=r"^No\. Ask again\.$"):
        raise kind("No.", remedy="Ask again.")
