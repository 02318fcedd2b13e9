"""Secrets in Vault: the real hvac against a fake server, as no Vault comes from a registry of packages."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from botlib import BotError, FakeClock, ForbiddenError, InvalidError, NotFoundError, Secret, UnavailableError
from botstate import SECRETS, LocalSecrets, Secrets, SecretsSettings, Settings, compose, foundation
from botstate import vault as module
from botstate.places import open_secrets
from botstate.testing import SECRETS_CONTRACT, SecretsCheck
from botstate.testing.secrets import VALUE
from botstate.testing.vault import FakeVault, run_fake_vault
from botstate.vault import VaultSecrets, open_vault_secrets

pytestmark = pytest.mark.anyio

TOKEN = "s.token"
REFERENCE = "vault:mail/relay#password"


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    with run_fake_vault() as fake:
        fake.tokens[TOKEN] = 3_600
        fake.secrets["secret/mail/relay"] = {"password": VALUE, "user": "anna", "port": 25}
        yield fake


@asynccontextmanager
async def opened(vault: FakeVault, clock: FakeClock | None = None, **values: Any) -> AsyncIterator[VaultSecrets]:
    settings = SecretsSettings(**{"vault_url": vault.url, "vault_token": Secret(TOKEN), **values})
    async with open_vault_secrets(settings, LocalSecrets({}), clock or FakeClock()) as secrets:
        yield secrets


async def until(vault: FakeVault, request: str, count: int = 1) -> None:
    async with asyncio.timeout(20):
        while vault.requests.count(request) < count:  # noqa: ASYNC110 - it happens in the thread of the server
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("check", SECRETS_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: SecretsCheck, vault: FakeVault) -> None:
    async with opened(vault) as secrets:
        await check(secrets, REFERENCE)


@pytest.mark.parametrize("check", SECRETS_CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["env", "file", "vault"])
async def test_contract_of_all_places_together(
    check: SecretsCheck, kind: str, vault: FakeVault, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(VALUE)
    (tmp_path / "secret").chmod(0o600)
    reference = {"env": "env:TOKEN", "file": f"file:{tmp_path}/secret", "vault": REFERENCE}[kind]
    settings = SecretsSettings(vault_url=vault.url, vault_token=Secret("env:VAULT"))
    environment = {"TOKEN": VALUE, "VAULT": TOKEN}
    async with open_secrets(settings, environment, FakeClock()) as secrets:
        await check(secrets, reference)


async def test_the_foundation_opens_what_the_settings_choose(vault: FakeVault) -> None:
    settings = SecretsSettings(vault_url=vault.url, vault_token=Secret(TOKEN))
    async with compose([foundation(Settings({"secrets": settings}))]) as state:
        assert await state.require(SECRETS).get(REFERENCE) == Secret(VALUE)
    async with compose([foundation()]) as state:
        with pytest.raises(NotFoundError, match=r"^There is no Vault .*\. Set secrets\.vault_url\.$"):
            await state.secrets.get(REFERENCE)


async def test_what_was_read_counts_for_a_while(vault: FakeVault) -> None:
    clock, request = FakeClock(), "GET /v1/secret/data/mail/relay"
    async with opened(vault, clock, vault_ttl=300.0) as secrets:
        await asyncio.gather(*(secrets.get(REFERENCE) for _ in range(20)))
        assert await secrets.get("vault:mail/relay#user") == Secret("anna")
        assert vault.requests.count(request) == 1
        vault.secrets["secret/mail/relay"] = {"password": "new"}
        await clock.advance(299)
        assert await secrets.get(REFERENCE) == Secret(VALUE)
        await clock.advance(2)
        assert await secrets.get(REFERENCE) == Secret("new")
        assert vault.requests.count(request) == 2


async def test_a_token_is_renewed_before_it_ends(vault: FakeVault) -> None:
    clock, renewal = FakeClock(), "POST /v1/auth/token/renew-self"
    vault.tokens[TOKEN] = 100
    async with opened(vault, clock):
        await until(vault, renewal)
        await _asleep(clock)
        await clock.advance(49)
        assert vault.requests.count(renewal) == 1
        await clock.advance(2)
        await until(vault, renewal, 2)


async def test_a_renewal_that_fails_is_tried_again(vault: FakeVault, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    vault.sealed = True
    with caplog.at_level(logging.WARNING, module.__name__):
        async with opened(vault, clock):
            await until(vault, "GET /v1/auth/token/lookup-self")
            await _asleep(clock)
            vault.sealed = False
            await clock.advance(11)
            await until(vault, "POST /v1/auth/token/renew-self")
    assert "was not renewed: Vault did not tell its token" in caplog.text
    assert TOKEN not in caplog.text


async def test_a_token_that_was_replaced_in_its_file_is_taken(vault: FakeVault, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    async with opened(vault, vault_token=Secret(f"file:{file}"), vault_ttl=0.0) as secrets:
        assert await secrets.get(REFERENCE) == Secret(VALUE)
        del vault.tokens[TOKEN]
        with pytest.raises(ForbiddenError, match=r"^Vault does not let us read vault:mail/relay\."):
            await secrets.get(REFERENCE)
        vault.tokens["s.new"] = 100
        file.write_text("s.new")
        assert await secrets.get(REFERENCE) == Secret(VALUE)


async def sentence_of(secrets: Secrets, reference: str) -> tuple[type[BotError], str]:
    try:
        await secrets.get(reference)
    except BotError as error:
        return type(error), error.message
    raise AssertionError("nothing went wrong")


async def test_what_goes_wrong_is_told_in_sentences_without_values(vault: FakeVault) -> None:
    vault.secrets["secret/gone"] = None
    async with opened(vault, vault_ttl=0.0, vault_timeout=0.3) as secrets:
        assert await sentence_of(secrets, "vault:mail/relay#port") == (
            NotFoundError,
            "The secret vault:mail/relay#port is not there.",
        )
        assert await sentence_of(secrets, "vault:gone#password") == (
            NotFoundError,
            "The secret vault:gone is not there.",
        )
        vault.sealed = True
        assert await sentence_of(secrets, REFERENCE) == (
            UnavailableError,
            "Vault did not tell vault:mail/relay (VaultDown).",
        )
        vault.sealed = False
        vault.answering.clear()
        kind, text = await sentence_of(secrets, REFERENCE)
        assert kind is UnavailableError
        assert text in {
            "Vault did not answer within 0.3 seconds.",
            "Vault did not tell vault:mail/relay (ReadTimeout).",
        }
        vault.answering.set()
        assert await secrets.get(REFERENCE) == Secret(VALUE)
    vault.url = "http://127.0.0.1:9"
    async with opened(vault) as secrets:
        assert await sentence_of(secrets, REFERENCE) == (
            UnavailableError,
            "Vault did not tell vault:mail/relay (ConnectionError).",
        )


async def test_nobody_waits_for_those_before(vault: FakeVault) -> None:
    clock = FakeClock()
    async with opened(vault, clock, vault_timeout=1.0) as secrets:
        assert await secrets.get(REFERENCE) == Secret(VALUE)
        vault.answering.clear()
        waiting = [asyncio.ensure_future(sentence_of(secrets, f"vault:other/{number}#a")) for number in range(20)]
        assert await secrets.get(REFERENCE) == Secret(VALUE)
        async with asyncio.timeout(15):  # twenty one after the other would be twenty seconds
            assert {kind for kind, _ in await asyncio.gather(*waiting)} == {UnavailableError}
        vault.answering.set()


async def test_a_request_without_a_time_limit_is_caught(vault: FakeVault) -> None:
    async with opened(vault, vault_timeout=60.0) as secrets:
        vault.answering.clear()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await secrets.get(REFERENCE)
        vault.answering.set()


@pytest.mark.parametrize(
    "name", ["#hunter2", "mail", "mail#", "../sys/seal#hunter2", "a//b#c", "/a#b", "a?b#c", "a#b#c"]
)
async def test_what_is_no_reference_asks_nothing(name: str, vault: FakeVault) -> None:
    vault.tokens[TOKEN] = 0
    async with opened(vault) as secrets:
        await until(vault, "GET /v1/auth/token/lookup-self")
        with pytest.raises(InvalidError, match=r"Write vault:PATH#FIELD\.$") as caught:
            await secrets.get(f"vault:{name}")
    assert "hunter2" not in str(caught.value)
    assert set(vault.requests) == {"GET /v1/auth/token/lookup-self"}


@pytest.mark.parametrize(
    "values",
    [
        {"vault_url": "vault.example.org", "vault_token": Secret("t")},
        {"vault_url": "https://vault.example.org"},
        {"vault_ttl": -1.0},
        {"vault_timeout": 0.0},
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="vault_"):
        SecretsSettings(**values)


async def _asleep(clock: FakeClock) -> None:
    async with asyncio.timeout(20):
        while not clock.sleepers:  # noqa: ASYNC110 - a thread has to end first
            await asyncio.sleep(0.001)
