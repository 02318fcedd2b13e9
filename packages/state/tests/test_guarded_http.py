"""What a server can do to whoever asks it, on real sockets."""

import asyncio
import gzip
import logging
import ssl
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
import trustme

from botlib import BotError, Budget, BudgetError, ForbiddenError, InvalidError, SystemClock, UnavailableError
from botstate import HTTP, HttpRequest, HttpResponse, HttpSettings, compose, foundation, http_service, read_settings
from botstate.configuration import Sources
from botstate.guarded import client, decoding, network, steps
from botstate.guarded.addresses import parse_allowed
from botstate.guarded.client import GuardedHttp, open_http
from botstate.guarded.network import GuardedBackend
from botstate.guarded.targets import parse_target
from botstate.testing import HTTP_CONTRACT, FakeHttp, HttpCheck, sample_site
from botstate.testing.loopback import Listener, listen, read_request, site

if TYPE_CHECKING:
    from botstate.guarded.network import Resolver
    from botstate.testing.loopback import Talk

pytestmark = pytest.mark.anyio

CLOCK = SystemClock()
TIGHT = 5.0  # seconds: what is refused at once is refused long before


@asynccontextmanager
async def open_both(
    talk: "Talk", *, resolver: "Resolver" = network.resolve, size: int = 1_000_000, seconds: float = 30.0
) -> AsyncIterator[tuple[GuardedHttp, Listener]]:
    """A server that talks like this, and a client that may ask it."""
    async with listen(talk) as server:
        settings = HttpSettings(ports=(server.port,), allowed=("127.0.0.1",), size=size, seconds=seconds)
        async with open_http(settings, CLOCK, resolver) as http:
            yield http, server


def raw(*pieces: bytes) -> "Talk":
    """Sends exactly this, and closes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return talk


def endless(begin: bytes, again: bytes) -> "Talk":
    """Never stops by itself."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(begin)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(0)

    return talk


def compressed(body: bytes, encoding: bytes = b"gzip") -> "Talk":
    return raw(b"HTTP/1.1 200 Fine\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (encoding, len(body)), body)


async def get(http: GuardedHttp, server: Listener, path: str = "/", budget: Budget | None = None) -> HttpResponse:
    async with asyncio.timeout(60):
        return await http.send(HttpRequest("GET", server.address + path), budget=budget)


@pytest.mark.parametrize("check", HTTP_CONTRACT, ids=lambda check: check.__name__)
async def test_contract(check: HttpCheck) -> None:
    async with listen(site(sample_site)) as server:
        settings = HttpSettings(ports=(server.port,), allowed=("127.0.0.1", "elsewhere.test"))

        async def resolver(_: str) -> list[str]:
            return ["127.0.0.1"]

        async with open_http(settings, CLOCK, resolver) as http:
            await check(http, server.address, f"http://elsewhere.test:{server.port}")


@pytest.mark.parametrize("check", HTTP_CONTRACT, ids=lambda check: check.__name__)
async def test_contract_of_the_fake(check: HttpCheck) -> None:
    await check(FakeHttp(), "http://here.example", "http://elsewhere.example")


TWINS = [
    ("credentials_stay_with_their_origin", steps, "_HARMLESS", {"accept", "authorization", "cookie", "x-api-key"}),
    ("what_is_no_request_is_refused", steps, "_check_header", lambda *_: None),
]


@pytest.mark.parametrize(("name", "module", "guard", "broken"), TWINS, ids=lambda it: it if isinstance(it, str) else "")
async def test_the_contract_catches_a_client_without(
    name: str, module: object, guard: str, broken: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, guard, broken)
    check = next(check for check in HTTP_CONTRACT if check.__name__ == name)

    with pytest.raises(AssertionError):
        await test_contract(check)


async def test_a_redirect_to_loopback_is_refused_and_never_arrives() -> None:
    async with listen(site(sample_site), host="127.0.0.2") as trap:

        def redirect(request: HttpRequest) -> HttpResponse:
            return HttpResponse(302, "", (("Location", f"http://127.0.0.2:{trap.port}{request.url}"),), b"")

        async with listen(site(redirect)) as server:
            settings = HttpSettings(ports=(server.port, trap.port), allowed=("127.0.0.1",))
            async with open_http(settings, CLOCK) as http:
                with pytest.raises(ForbiddenError, match=r"^127\.0\.0\.2 may not be reached from here\."):
                    await get(http, server, "/secret-path?token=1")
                assert trap.connections == 0
                # The twin: httpx2 follows by itself through a transport that does not check.
                async with httpx2.AsyncClient(follow_redirects=True, trust_env=False) as unguarded:
                    await unguarded.get(server.address)
                assert trap.connections == 1


async def test_libraries_are_guarded_by_the_transport_too() -> None:
    async with (
        open_both(site(sample_site)) as (http, server),
        httpx2.AsyncClient(transport=http.transport, follow_redirects=True) as library,
    ):
        assert (await library.get(f"{server.address}/302?/hello")).text == "hello"
        with pytest.raises(ForbiddenError):
            await library.get(f"{server.address}/302?http://127.0.0.2:{server.port}/")


async def test_libraries_get_the_errors_that_they_know() -> None:
    async with (
        open_both(raw(b"no HTTP\r\n")) as (http, server),
        httpx2.AsyncClient(transport=http.transport) as library,
    ):
        with pytest.raises(httpx2.RemoteProtocolError):
            await library.get(server.address)


class Rebinding:
    """A name that leads somewhere else each time somebody asks."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def __call__(self, host: str) -> list[str]:
        assert host == "rebinding.test"
        return [self.answers.pop(0)]


async def test_a_name_is_resolved_once_and_reached_where_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncExitStack() as stack:
        good = await stack.enter_async_context(listen(site(sample_site), host="127.0.0.1"))
        trap = await stack.enter_async_context(listen(site(sample_site), host="127.0.0.2", port=good.port))
        settings = HttpSettings(ports=(good.port,), allowed=("127.0.0.1",))
        url = f"http://rebinding.test:{good.port}/hello"
        resolver = Rebinding("127.0.0.1", "127.0.0.2", "127.0.0.1")
        async with open_http(settings, CLOCK, resolver) as http:
            assert (await http.send(HttpRequest("GET", url))).body == b"hello"
            with pytest.raises(ForbiddenError):
                await http.send(HttpRequest("GET", url))
            assert (resolver.answers, good.connections, trap.connections) == (["127.0.0.1"], 1, 0)

        # The twin checks what a name leads to, and then connects to the name.
        async def connect(backend: GuardedBackend, host: str, port: int, *_: object, **__: object) -> object:
            await backend._checked_addresses(host, None)
            return await backend._backend.connect_tcp((await backend._resolver(host))[0], port)

        monkeypatch.setattr(GuardedBackend, "connect_tcp", connect)
        async with open_http(settings, CLOCK, Rebinding("127.0.0.1", "127.0.0.2")) as http:
            await http.send(HttpRequest("GET", url))
        assert trap.connections == 1


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async def resolver(_: str) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async with listen(site(sample_site)) as server:
        settings = HttpSettings(ports=(server.port,), allowed=("127.0.0.0/8",))
        async with open_http(settings, CLOCK, resolver) as http:
            assert (await http.send(HttpRequest("GET", f"http://two.test:{server.port}/hello"))).body == b"hello"


BOMB = gzip.compress(bytes(50_000_000))
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"  # of deflate: five bytes that stand for none
FINE = b"HTTP/1.1 200 Fine\r\n"
GZIPPED = FINE + b"Content-Encoding: gzip\r\n\r\n"
TOO_MUCH = {
    "a body that never ends": endless(FINE + b"\r\n", b"x" * 10_000),
    "chunks that never end": endless(FINE + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1_000),
    "a large body": raw(FINE + b"Content-Length: 2000000\r\n\r\n", bytes(2_000_000)),
    "a bomb": compressed(BOMB),
    "a bomb in members": compressed(gzip.compress(b"x") * 100_000),
    "blocks of nothing": endless(
        FINE + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], EMPTY_BLOCK * 1_000
    ),
    "an endless comment of gzip": endless(GZIPPED + b"\x1f\x8b\x08\x10" + bytes(6), b"x" * 10_000),
    "announcements that never end": endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 100),
}


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_too_much_is_refused_at_once(name: str) -> None:
    async with open_both(TOO_MUCH[name], size=50_000) as (http, server):
        async with asyncio.timeout(20):
            with pytest.raises(BudgetError) as raised:
                await get(http, server)

    assert raised.value.limit == "size"


async def test_without_the_meter_of_the_wire_only_time_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin of the announcements and of the blocks of nothing."""
    monkeypatch.setattr(network.Meter, "count", lambda *_: None)
    for name in ("announcements that never end", "blocks of nothing"):
        async with open_both(TOO_MUCH[name], size=50_000, seconds=0.5) as (http, server):
            with pytest.raises(BudgetError) as raised:
                await get(http, server)
        assert raised.value.limit == "seconds"


async def test_a_bomb_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    largest: list[int] = []
    spend = Budget.spend

    def watch(budget: Budget, *, size: int = 0) -> None:
        largest.append(size)
        spend(budget, size=size)

    monkeypatch.setattr(Budget, "spend", watch)
    async with open_both(compressed(BOMB)) as (http, server):
        with pytest.raises(BudgetError):
            await get(http, server)
        assert max(largest) == 65_536
        # The twin decompresses what it gets in one go.
        monkeypatch.setattr(decoding, "_LARGEST_PIECE", 0)
        with pytest.raises(BudgetError):
            await get(http, server)
        assert max(largest) > 10_000_000


@pytest.mark.parametrize(
    "headers",
    [
        b"".join(b"X-%d: y\r\n" % number for number in range(100_000)),
        b"X: " + b"y" * 1_000_000 + b"\r\n",
        b"X: y\r\n" * 100_000,
    ],
    ids=["many", "long", "the same"],
)
async def test_a_flood_of_headers_is_refused(headers: bytes) -> None:
    async with open_both(raw(FINE, headers, b"Content-Length: 0\r\n\r\n")) as (http, server):
        with pytest.raises((UnavailableError, BudgetError)):
            await get(http, server)


NONSENSE = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "half a header": FINE + b"Content-Le",
    "half a body": FINE + b"Content-Length: 10\r\n\r\nhalf",
    "two lengths": FINE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "a chunk without length": FINE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a line end in a header": FINE + b"X: a\rb\r\n\r\n",
    "an encoding nobody asked for": FINE + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
    "gzip twice": FINE + b"Content-Encoding: gzip, gzip\r\nContent-Length: 1\r\n\r\nx",
    "no gzip": FINE + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    "half of gzip": FINE + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"hello")[:-3],
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_nonsense_is_unavailable(name: str) -> None:
    async with open_both(raw(NONSENSE[name])) as (http, server):
        with pytest.raises(UnavailableError):
            await get(http, server)


@pytest.mark.parametrize("body", [b"hello", b"", bytes(200_000)], ids=["short", "empty", "long"])
async def test_gzip_is_decompressed(body: bytes) -> None:
    for packed in (gzip.compress(body), gzip.compress(body[:3]) + gzip.compress(body[3:])):
        async with open_both(compressed(packed)) as (http, server):
            assert (await get(http, server)).body == body


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def slow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One byte at a time, for ever: no wait of its own is long."""
    writer.write(FINE + b"\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def slow_headers(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(FINE)
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def deaf(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads nothing of a large request."""
    writer.transport.pause_reading()  # type: ignore[attr-defined] # a transport that reads
    await asyncio.Event().wait()


@pytest.mark.parametrize("talk", [silent, slow, slow_headers, deaf], ids=lambda talk: talk.__name__)
async def test_time_is_limited_as_a_whole(talk: "Talk") -> None:
    async with open_both(talk) as (http, server):
        request = HttpRequest("POST", server.address, body=bytes(50_000_000) if talk is deaf else b"")
        async with asyncio.timeout(20):
            with pytest.raises(BudgetError, match=r"^It may take no more than 0\.[0-9]+ seconds\.$") as raised:
                await http.send(request, budget=Budget(CLOCK, seconds=0.2))

    assert raised.value.limit == "seconds"


async def test_a_name_that_takes_too_long_is_time_too() -> None:
    async def resolver(_: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    async with open_http(HttpSettings(), CLOCK, resolver) as http:
        with pytest.raises(BudgetError):
            await http.send(HttpRequest("GET", "http://slow.test"), budget=Budget(CLOCK, seconds=0.05))
    async with open_http(HttpSettings(connect_seconds=0.05), CLOCK, resolver) as http:
        with pytest.raises(UnavailableError, match=r"^http://slow\.test did not answer in time\."):
            await http.send(HttpRequest("GET", "http://slow.test"))


async def test_the_operator_limits_what_a_budget_leaves_open() -> None:
    async with open_both(slow, seconds=0.2, size=100) as (http, server):
        with pytest.raises(BudgetError):
            await get(http, server, budget=Budget(CLOCK, steps=1))


async def test_the_answer_to_a_request_that_is_cancelled_is_cut_off() -> None:
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(FINE + b"\r\nbegin")
        await reader.read()  # until the other side closes
        ended.set()

    async with open_both(talk) as (http, server):
        arrived = asyncio.Event()

        async def ask() -> None:
            async with http.stream(HttpRequest("GET", server.address)) as answer:
                async for piece in answer.body:
                    assert piece == b"begin"
                    arrived.set()

        for leave_early in (False, True):
            ended.clear()
            if leave_early:
                async with http.stream(HttpRequest("GET", server.address)) as answer:
                    assert await anext(answer.body) == b"begin"
            else:
                asking = asyncio.create_task(ask())
                await arrived.wait()
                asking.cancel()
                await asyncio.wait([asking])
                assert asking.cancelled()
            async with asyncio.timeout(10):
                await ended.wait()


async def test_a_connection_is_used_again() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await read_request(reader)
            writer.write(FINE + b"Content-Length: 5\r\n\r\nhello")

    async with open_both(talk) as (http, server):
        assert [(await get(http, server)).body for _ in range(2)] == [b"hello", b"hello"]
        assert server.connections == 1


async def test_cookies_of_a_server_are_not_kept() -> None:
    def talk(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, "", (("Set-Cookie", "id=1"),), str(request.headers).encode())

    async with open_both(site(talk)) as (http, server):
        answers = [await get(http, server) for _ in range(2)]
        assert b"id=1" not in answers[1].body


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listen(site(sample_site)) as proxy, open_both(site(sample_site)) as (http, server):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.address)
        assert (await get(http, server, "/hello")).body == b"hello"
        assert proxy.connections == 0
        # The twin trusts the environment, as httpx2 does unless told otherwise.
        async with httpx2.AsyncClient() as trusting:
            await trusting.get("http://elsewhere.test/hello")
        assert proxy.connections == 1


@asynccontextmanager
async def open_with_tls(folder: Path, name: str, *, trusted: bool = True) -> AsyncIterator[tuple[GuardedHttp, str]]:
    """A server whose certificate is for `name`; the client reaches it as secure.test."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)

    async def resolver(_: str) -> list[str]:
        return ["127.0.0.1"]

    async with listen(site(sample_site), context=context) as server:
        certificates = folder / "authority.pem" if trusted else None
        settings = HttpSettings(ports=(server.port,), allowed=("127.0.0.1",), certificates=certificates)
        async with open_http(settings, CLOCK, resolver) as http:
            yield http, f"https://secure.test:{server.port}"


async def test_tls_is_verified_against_the_name_and_not_the_address(tmp_path: Path) -> None:
    async with open_with_tls(tmp_path, "secure.test") as (http, address):
        assert (await http.send(HttpRequest("GET", f"{address}/hello"))).body == b"hello"
        assert (await http.send(HttpRequest("GET", f"{address.replace('test', 'test.')}/hello"))).body == b"hello"
    async with open_with_tls(tmp_path, "127.0.0.1") as (http, address):
        with pytest.raises(UnavailableError, match=r"^The certificate of https://secure\.test:\d+ is not valid: Host"):
            await http.send(HttpRequest("GET", f"{address}/hello"))


async def test_an_authority_that_nobody_knows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    async with open_with_tls(tmp_path, "secure.test", trusted=False) as (http, address):
        with pytest.raises(UnavailableError, match="is not valid: unable to get local issuer certificate"):
            await http.send(HttpRequest("GET", f"{address}/hello"))

    # The twin reads the variable.
    monkeypatch.setattr(client, "_create_context", lambda _: httpx2.create_ssl_context())
    async with open_with_tls(tmp_path, "secure.test", trusted=False) as (http, address):
        assert (await http.send(HttpRequest("GET", f"{address}/hello"))).body == b"hello"


async def test_encryption_is_not_lost_on_the_way(tmp_path: Path) -> None:
    async with open_with_tls(tmp_path, "secure.test") as (http, address):
        with pytest.raises(ForbiddenError, match=r"redirects to a place without encryption\.$"):
            await http.send(HttpRequest("GET", f"{address}/302?{address.replace('https', 'http')}/hello"))


async def test_messages_tell_neither_addresses_nor_paths_nor_secrets(caplog: pytest.LogCaptureFixture) -> None:
    async def resolver(host: str) -> list[str]:
        if host == "nowhere.test":
            raise OSError("no such name")
        return ["10.1.2.3"]

    messages: list[str] = []
    closed = await _closed_port()
    async with open_http(HttpSettings(ports=(80, closed), allowed=("127.0.0.1",)), CLOCK, resolver) as http:
        for url in ("http://wiki.test/secret", "http://nowhere.test/secret", f"http://127.0.0.1:{closed}/secret"):
            with pytest.raises(BotError) as raised, caplog.at_level(logging.WARNING):
                await http.send(HttpRequest("GET", url))
            messages.append(str(raised.value))

    assert messages == [
        "wiki.test may not be reached from here. Use a public address, or ask the operator to add it to http.allowed.",
        "http://nowhere.test cannot be reached. Try again later.",
        f"http://127.0.0.1:{closed} cannot be reached. Try again later.",
    ]
    assert caplog.messages == ["refused to connect to wiki.test: it is at 10.1.2.3"]


async def test_only_ports_that_are_named_are_used() -> None:
    async with open_http(HttpSettings(allowed=("127.0.0.1",)), CLOCK) as http:
        with pytest.raises(ForbiddenError, match=r"^The port 6379 may not be used\. http\.ports lists"):
            await http.send(HttpRequest("GET", "http://127.0.0.1:6379/"))


async def test_sockets_of_this_machine_are_out_of_reach() -> None:
    with pytest.raises(ForbiddenError):
        await GuardedBackend(parse_allowed(())).connect_unix_socket("/run/podman.sock")


async def test_it_is_a_service() -> None:
    settings = read_settings({"http": HttpSettings}, Sources(options={"http.seconds": "5"}))
    async with compose([foundation(settings), http_service]) as state:
        with pytest.raises(ForbiddenError):
            await state.require(HTTP).send(HttpRequest("GET", "http://127.0.0.1/"))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"seconds": 0}, "seconds and connect_seconds are numbers of seconds, more than zero."),
        ({"size": -1}, "size is a number of bytes, and connections a number that is at least 1."),
        ({"allowed": ("10.0.0.1/8",)}, "'10.0.0.1/8' is neither a host nor a network."),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence.replace('.', '[.]')}"):
        HttpSettings(**wrong)  # type: ignore[arg-type] # wrong on purpose


def test_a_url_has_one_spelling() -> None:
    url, origin = parse_target("HTTP://Example.ORG.:80/a%2Fb?c=d#e", {80})

    assert (str(url), str(origin)) == ("http://example.org/a%2Fb?c=d", "http://example.org")
    assert str(parse_target("https://[2606:4700::0]:8443/", {8443})[1]) == "https://[2606:4700::]:8443"


@pytest.mark.parametrize("url", ["x" * 9_000, "http://example.org:port/", "http://[::1/", "http://", "https:///x"])
def test_what_is_no_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidError) as raised:
        parse_target(url, {80, 443})

    assert url not in str(raised.value)


def test_deflate_was_not_asked_for() -> None:
    with pytest.raises(UnavailableError):
        decoding.find_decoder("deflate")
    assert b"".join(decoding.find_decoder("").decode(zlib.compress(b"x"))) == zlib.compress(b"x")


async def _closed_port() -> int:
    async with listen(silent) as server:
        return server.port
