import copy
import pickle
import traceback
from dataclasses import dataclass

import pytest

from botlib import Secret


@dataclass(frozen=True)
class Account:
    user: str
    password: Secret


def test_only_reveal_shows_it() -> None:
    account = Account("anna", Secret("hunter2"))

    shown = [repr(account), str(account.password), f"{account.password}", f"{account.password!s:>20}"]
    assert account.password.reveal() == "hunter2"
    assert not any("hunter2" in text for text in shown)
    assert repr(account) == "Account(user='anna', password=Secret(...))"


def test_it_is_in_no_traceback_with_locals() -> None:
    password = Secret("hunter2")
    with pytest.raises(KeyError) as caught:
        {"users": password}["anna"]
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())

    assert "Secret(...)" in text
    assert "hunter2" not in text


def test_it_is_not_pickled_and_not_copied() -> None:
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            take(Secret("hunter2"))


def test_secrets_are_compared_by_their_text() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != "a"
    assert (bool(Secret("")), bool(Secret("a"))) == (False, True)
