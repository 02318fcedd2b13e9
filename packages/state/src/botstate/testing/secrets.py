"""What all `Secrets` do. Each check gets some that hold the text of `VALUE` under one reference, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from botlib import InvalidError, NotFoundError, Secret
from botstate.secrets import Secrets

VALUE = "p\u00e4ss: word=1 "
SecretsCheck = Callable[[Secrets, str], Awaitable[None]]


async def a_secret_is_found(secrets: Secrets, reference: str) -> None:
    assert await secrets.get(reference) == Secret(VALUE)
    assert await secrets.get(reference) == Secret(VALUE)


async def one_that_is_not_there_is_not_found(secrets: Secrets, reference: str) -> None:
    found = False
    with suppress(NotFoundError):
        await secrets.get(f"{reference}_of_somebody_else")
        found = True
    assert not found, "a secret was made up"


async def what_is_no_reference_is_refused_and_not_repeated(secrets: Secrets, _reference: str) -> None:
    for text in ("", "hunter2", "unknown:hunter2", ":hunter2"):
        refusal = "none"
        try:
            await secrets.get(text)
        except InvalidError as error:
            refusal = str(error)
        assert refusal != "none", f"{text!r} was accepted"
        assert "hunter2" not in refusal


SECRETS_CONTRACT: tuple[SecretsCheck, ...] = (
    a_secret_is_found,
    one_that_is_not_there_is_not_found,
    what_is_no_reference_is_refused_and_not_repeated,
)
