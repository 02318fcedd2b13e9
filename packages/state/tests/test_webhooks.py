import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from botlib import (
    ConflictError,
    FakeClock,
    FakeRandomness,
    IdSource,
    InvalidError,
    NotFoundError,
    Secret,
    SystemClock,
    UnauthenticatedError,
)
from botstate import DatabaseSettings, HttpRequest, HttpResponse, HttpSettings, MemoryCache, WebhookSettings
from botstate.guarded.client import open_http
from botstate.storage import open_database
from botstate.testing.loopback import listen, site
from botstate.testing.outbox import Process, start
from botstate.webhooks import WebhookVerifier, create_secret, sign
from botstate.webhooks.sender import WebhookSender
from botstate.webhooks.webhooks import KIND, Webhooks

pytestmark = pytest.mark.anyio

SECRET = Secret("whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode())
OTHER = create_secret(FakeRandomness(7))
BODY = b'{"type":"meeting.ended"}'


def verifier(clock: FakeClock) -> WebhookVerifier:
    return WebhookVerifier(MemoryCache(clock), clock)


def now(clock: FakeClock) -> int:
    return int(clock.now().timestamp())


def test_a_signature_is_the_one_of_standard_webhooks() -> None:
    """The example of the specification: id.timestamp.body under HMAC-SHA256, in base64."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    expected = base64.b64encode(
        hmac.new(key, b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}', hashlib.sha256).digest()
    )

    headers = sign(
        [Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert headers == (
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    )
    assert headers[2][1] == "v1," + expected.decode()


async def test_what_is_signed_is_verified() -> None:
    clock = FakeClock()
    headers = sign([SECRET], "1", now(clock), BODY)

    assert await verifier(clock).verify(headers, BODY, [SECRET]) == "1"
    assert await verifier(clock).verify(headers, BODY, [OTHER, SECRET]) == "1"
    assert await verifier(clock).verify(sign([OTHER, SECRET], "1", now(clock), BODY), BODY, [SECRET]) == "1"


FORGERIES: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "another id": lambda it: it | {"webhook-id": "2"},
    "another time": lambda it: it | {"webhook-timestamp": str(int(it["webhook-timestamp"]) + 1)},
    "no signature": lambda it: {name: value for name, value in it.items() if name != "webhook-signature"},
    "an empty signature": lambda it: it | {"webhook-signature": ""},
    "only the version": lambda it: it | {"webhook-signature": "v1,"},
    "another version": lambda it: it | {"webhook-signature": it["webhook-signature"].replace("v1,", "v1a,")},
    "no version": lambda it: it | {"webhook-signature": it["webhook-signature"].removeprefix("v1,")},
    "half a signature": lambda it: it | {"webhook-signature": it["webhook-signature"][:20]},
    "signs that are no ASCII": lambda it: it | {"webhook-signature": "v1,äöü"},
    "one signature among too many": lambda it: it | {"webhook-signature": "v1,x " * 10 + it["webhook-signature"]},
    "a dot that moved": lambda it: it | {"webhook-id": f"1.{it['webhook-timestamp']}", "webhook-timestamp": ""},
    "nothing": lambda _: {},
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forgery_is_refused(forgery: str) -> None:
    clock = FakeClock()
    headers = FORGERIES[forgery](dict(sign([SECRET], "1", now(clock), BODY)))

    with pytest.raises(UnauthenticatedError):
        await verifier(clock).verify(tuple(headers.items()), BODY, [SECRET])


async def test_another_body_another_secret_and_no_secret_are_refused() -> None:
    clock = FakeClock()
    headers = sign([SECRET], "1", now(clock), BODY)

    for body, secrets in ((BODY + b" ", [SECRET]), (BODY, [OTHER]), (BODY, [])):
        with pytest.raises(UnauthenticatedError):
            await verifier(clock).verify(headers, body, secrets)
    with pytest.raises(UnauthenticatedError):
        await verifier(clock).verify(sign([SECRET], "", now(clock), BODY), BODY, [SECRET])


@pytest.mark.parametrize(("seconds", "accepted"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
async def test_the_window_is_five_minutes_to_both_sides(seconds: int, *, accepted: bool) -> None:
    clock = FakeClock()
    check = verifier(clock).verify(sign([SECRET], "1", now(clock) + seconds, BODY), BODY, [SECRET])

    if accepted:
        assert await check == "1"
    else:
        with pytest.raises(UnauthenticatedError, match="more than 300 seconds ago"):
            await check


async def test_a_recording_is_refused_as_long_as_its_time_would_be_accepted() -> None:
    clock = FakeClock()
    receiver = verifier(clock)
    early = sign([SECRET], "1", now(clock) + 300, BODY)
    await receiver.verify(early, BODY, [SECRET])

    for _ in range(6):
        with pytest.raises(ConflictError):
            await receiver.verify(early, BODY, [SECRET])
        await clock.advance(100)
    await clock.advance(1)
    with pytest.raises(UnauthenticatedError):
        await receiver.verify(early, BODY, [SECRET])


async def test_another_attempt_at_the_same_is_no_recording() -> None:
    clock = FakeClock()
    receiver = verifier(clock)
    for _ in range(2):
        assert await receiver.verify(sign([SECRET], "1", now(clock), BODY), BODY, [SECRET]) == "1"
        await clock.advance(5)


async def test_without_the_cache_a_recording_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: what `set` answers is not looked at."""
    clock = FakeClock()
    receiver = verifier(clock)
    headers = sign([SECRET], "1", now(clock), BODY)
    await receiver.verify(headers, BODY, [SECRET])

    async def forget(*_: object, **__: object) -> bool:
        return True

    monkeypatch.setattr(MemoryCache, "set", forget)
    assert await receiver.verify(headers, BODY, [SECRET]) == "1"


async def test_every_pair_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bool] = []
    compare = hmac.compare_digest

    def watch(one: bytes, other: bytes) -> bool:
        compared.append(compare(one, other))
        return compared[-1]

    monkeypatch.setattr(hmac, "compare_digest", watch)
    clock = FakeClock()

    await verifier(clock).verify(sign([SECRET, OTHER], "1", now(clock), BODY), BODY, [SECRET, OTHER])

    assert sorted(compared) == [False, False, True, True]


@pytest.mark.parametrize("text", ["", "whsec_", "s3cret", "whsec_" + "A" * 28, "whsec_s3cret!", "whsec_" + "A" * 88])
def test_what_is_no_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidError) as raised:
        sign([Secret(text)], "1", 1, BODY)

    assert "s3cret" not in str(raised.value)


class Receiver:
    """Somebody's server. It verifies what it gets, and answers what it is told to."""

    def __init__(self, *answers: HttpResponse) -> None:
        self.secrets: list[Secret] = []
        self.ids: list[str] = []
        self.bodies: list[bytes] = []
        self.answers = list(answers)
        self._requests: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self._requests.append(request)
        self.bodies.append(request.body)
        return self.answers.pop(0) if self.answers else status(204)

    async def verify(self) -> list[str]:
        """The ids of all that came, each verified as a stranger's library does."""
        clock = SystemClock()
        # One for each: here attempts follow within the second that a timestamp tells, and would pass for recordings.
        verifiers = [(WebhookVerifier(MemoryCache(clock), clock), it) for it in self._requests]
        return [await receiver.verify(it.headers, it.body, self.secrets) for receiver, it in verifiers]


class Platform(NamedTuple):
    """A server of ours, and one of somebody else."""

    webhooks: Webhooks
    process: Process
    receiver: Receiver
    url: str

    async def notify(self, event: str = "meeting.ended", data: dict[str, object] | None = None) -> list[UUID]:
        async def work(session: AsyncSession) -> list[UUID]:
            return await self.webhooks.notify(session, "anna", event, data or {})

        return await self.process.database.write(work)

    async def until(self, message: UUID, state: str) -> None:
        async with asyncio.timeout(30):
            while (await self.process.outbox.message(message)).state != state:
                await self.process.outbox.messages("")


def status(number: int, *headers: tuple[str, str]) -> HttpResponse:
    return HttpResponse(number, "", headers, b"")


@asynccontextmanager
async def open_platform(
    folder: Path, *answers: HttpResponse, disable_after: int = 25, allowed: bool = True
) -> AsyncIterator[Platform]:
    receiver, clock, randomness = Receiver(*answers), SystemClock(), FakeRandomness()
    database = DatabaseSettings(folder / "test.sqlite3")
    async with (
        listen(site(receiver)) as server,
        start(lambda: open_database(database, clock, randomness)) as process,
        open_http(HttpSettings(ports=(server.port,), allowed=("127.0.0.1",) if allowed else ()), clock) as http,
    ):
        sender = WebhookSender(process.database, http, clock, WebhookSettings(disable_after=disable_after))
        webhooks = Webhooks(
            process.database, process.outbox, clock=clock, randomness=randomness, ids=IdSource(clock, randomness)
        )
        async with process.outbox.handling(KIND, sender.deliver):
            yield Platform(webhooks, process, receiver, server.address)
    if not allowed:
        assert server.connections == 0


async def test_an_owner_is_told_and_can_be_sure_who_says_it(tmp_path: Path) -> None:
    async with open_platform(tmp_path) as platform:
        webhook, secret = await platform.webhooks.subscribe("anna", f"{platform.url}/hook")
        platform.receiver.secrets = [secret]
        (message,) = await platform.notify(data={"id": 7})
        await platform.until(message, "delivered")

        assert await platform.receiver.verify() == [str(message)]
        told = json.loads(platform.receiver.bodies[0])
        assert (told["type"], told["data"]) == ("meeting.ended", {"id": 7})
        (sent,) = await platform.webhooks.messages("anna", webhook.id)
        (delivery,) = await platform.webhooks.deliveries("anna", webhook.id, message)
        assert (sent.id, sent.state, delivery.outcome) == (message, "delivered", "delivered")
        await platform.webhooks.redeliver("anna", webhook.id, message)
        await platform.until(message, "delivered")
        assert set(await platform.receiver.verify()) == {str(message)}


async def test_only_those_are_told_who_asked(tmp_path: Path) -> None:
    async with open_platform(tmp_path) as platform:
        chosen, _ = await platform.webhooks.subscribe("anna", platform.url, events=["meeting.ended"])
        await platform.webhooks.subscribe("anna", platform.url, events=["meeting.started"])
        await platform.webhooks.subscribe("berta", platform.url)
        (message,) = await platform.notify()

        assert (await platform.process.outbox.message(message)).key == f"webhook:{chosen.id}"


async def test_failures_are_tried_again_and_told(tmp_path: Path) -> None:
    async with open_platform(tmp_path, status(500), status(429, ("Retry-After", "0"))) as platform:
        webhook, secret = await platform.webhooks.subscribe("anna", platform.url)
        platform.receiver.secrets = [secret]
        (message,) = await platform.notify()
        await platform.until(message, "delivered")

        log = await platform.webhooks.deliveries("anna", webhook.id, message)
        assert [(it.outcome, it.detail) for it in log] == [
            ("failed", "The server answered 500."),
            ("failed", "The server answered 429."),
            ("delivered", ""),
        ]
        assert (await platform.webhooks.get("anna", webhook.id)).failures == 0


async def test_after_failures_in_a_row_it_is_disabled_and_says_why(tmp_path: Path) -> None:
    async with open_platform(tmp_path, status(302), status(500), disable_after=2) as platform:
        webhook, _ = await platform.webhooks.subscribe("anna", platform.url)
        (message,) = await platform.notify()
        await platform.until(message, "dead")

        reason = "2 attempts in a row failed, the last one with: The server answered 500."
        assert (await platform.webhooks.get("anna", webhook.id)).disabled == reason
        log = await platform.webhooks.deliveries("anna", webhook.id, message)
        assert log[-1].detail == f"The webhook is disabled. {reason}"
        assert await platform.notify() == []

        await platform.webhooks.enable("anna", webhook.id)
        await platform.webhooks.redeliver("anna", webhook.id, message)
        await platform.until(message, "delivered")
        assert [it.disabled for it in await platform.webhooks.owned_by("anna")] == [""]


async def test_one_that_is_gone_is_disabled_at_once(tmp_path: Path) -> None:
    async with open_platform(tmp_path, status(410)) as platform:
        webhook, _ = await platform.webhooks.subscribe("anna", platform.url)
        (message,) = await platform.notify()
        await platform.until(message, "dead")

        gone = "The server answered 410. It is gone for good."
        assert (await platform.webhooks.get("anna", webhook.id)).disabled == gone


async def test_a_private_address_is_never_reached(tmp_path: Path) -> None:
    async with open_platform(tmp_path, allowed=False, disable_after=1) as platform:
        webhook, _ = await platform.webhooks.subscribe("anna", platform.url)
        (message,) = await platform.notify()
        await platform.until(message, "dead")

        assert "127.0.0.1 may not be reached from here." in (await platform.webhooks.get("anna", webhook.id)).disabled


@pytest.mark.parametrize("url", ["ftp://example.org/", "http://a:b@example.org/", "http://2130706433/", "x" * 3_000])
async def test_what_is_no_url_is_refused_at_once(tmp_path: Path, url: str) -> None:
    async with open_platform(tmp_path) as platform:
        with pytest.raises(InvalidError):
            await platform.webhooks.subscribe("anna", url)


async def test_what_is_no_json_is_refused_in_the_unit(tmp_path: Path) -> None:
    async with open_platform(tmp_path) as platform:
        with pytest.raises(InvalidError, match=r"^What a webhook tells is no JSON: Object of type set is not"):
            await platform.notify(data={"people": {1, 2}})


async def test_a_secret_is_replaced_without_a_gap(tmp_path: Path) -> None:
    async with open_platform(tmp_path) as platform:
        webhook, old = await platform.webhooks.subscribe("anna", platform.url, secret=SECRET)
        new = await platform.webhooks.rotate("anna", webhook.id, keep=timedelta(hours=1))
        (message,) = await platform.notify()
        await platform.until(message, "delivered")
        for secret in (old, new):
            platform.receiver.secrets = [secret]
            assert await platform.receiver.verify() == [str(message)]

        newest = await platform.webhooks.rotate("anna", webhook.id, keep=timedelta(0))
        (message,) = await platform.notify()
        await platform.until(message, "delivered")
        platform.receiver.secrets = [newest]
        with pytest.raises(UnauthenticatedError):
            await platform.receiver.verify()  # of the first message
        platform.receiver.secrets = [old, new]
        with pytest.raises(UnauthenticatedError):
            await platform.receiver.verify()  # of the second one


async def test_what_is_another_s_is_not_found(tmp_path: Path) -> None:
    async with open_platform(tmp_path) as platform:
        webhook, _ = await platform.webhooks.subscribe("anna", platform.url)
        own, _ = await platform.webhooks.subscribe("berta", platform.url)
        (message,) = await platform.notify()
        webhooks, it = platform.webhooks, webhook.id
        asked = [
            webhooks.get("berta", it),
            webhooks.remove("berta", it),
            webhooks.enable("berta", it),
            webhooks.rotate("berta", it, keep=timedelta(0)),
            webhooks.messages("berta", it),
            webhooks.deliveries("berta", it, message),
            webhooks.redeliver("berta", own.id, message),
        ]
        for question in asked:
            with pytest.raises(NotFoundError):
                await question


async def test_nothing_is_sent_to_one_that_was_removed(tmp_path: Path) -> None:
    async with open_platform(tmp_path) as platform:
        webhook, _ = await platform.webhooks.subscribe("anna", platform.url)

        async def work(session: AsyncSession) -> UUID:
            return await platform.webhooks.send(session, webhook.id, "{}")

        await platform.webhooks.remove("anna", webhook.id)
        message = await platform.process.database.write(work)
        await platform.until(message, "dead")

        assert [it.detail for it in await platform.process.outbox.deliveries(message)] == ["The webhook was removed."]
        assert platform.receiver.bodies == []


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        WebhookSettings(disable_after=0)
