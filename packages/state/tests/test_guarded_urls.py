"""Whatever way a stranger writes loopback, nothing gets there."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import pytest

from botlib import BotError, SystemClock
from botstate import Http, HttpRequest, HttpSettings
from botstate.guarded import network
from botstate.guarded.client import open_http
from botstate.testing import sample_site
from botstate.testing.loopback import Listener, listen, site

pytestmark = pytest.mark.anyio

#: Every form leads to port {p} of this machine, or to a place that nobody outside should reach. Names are resolved by
#: `NAMES`, others by the system.
FORMS = [
    # the address itself, in every notation
    *("http://127.0.0.1:{p}/", "HTTP://127.0.0.1:{p}/", "http://127.0.0.1.:{p}/", "http://127.0.0.1:0{p}/"),
    *("http://127.1:{p}/", "http://127.0.1:{p}/", "http://127.255.255.254:{p}/", "http://127.127.127.127:{p}/"),
    *("http://2130706433:{p}/", "http://2130706433.:{p}/", "http://017700000001:{p}/", "http://0x7f000001:{p}/"),
    *("http://0x7f.0x0.0x0.0x1:{p}/", "http://0x7F.1:{p}/", "http://0177.0.0.1:{p}/", "http://0177.0.0.01:{p}/"),
    *("http://0x7f.0.0.1:{p}/", "http://127.0x0.0.1:{p}/", "http://00000177.1:{p}/", "http://6425673729:{p}/"),
    *("http://0:{p}/", "http://0.0.0.0:{p}/", "http://0.0.0.0.:{p}/", "http://0x0:{p}/", "http://00.0:{p}/"),
    *(
        "http://127。0。0。1:{p}/",
        "http://\uff11\uff12\uff17.0.0.1:{p}/",
        "http://①②⑦.⓪.⓪.①:{p}/",
        "http://127.0.0.1%2e:{p}/",
    ),
    *(
        "http://%31%32%37.0.0.1:{p}/",
        "http://127.0.0.1%00:{p}/",
        "http://127.0.0.1%20:{p}/",
        "http://127%2e0%2e0%2e1:{p}/",
    ),
    # IPv6, and IPv4 within it
    *("http://[::1]:{p}/", "http://[0:0:0:0:0:0:0:1]:{p}/", "http://[::]:{p}/", "http://[::0001]:{p}/"),
    *("http://[::ffff:127.0.0.1]:{p}/", "http://[::ffff:7f00:1]:{p}/", "http://[::FFFF:0:127.0.0.1]:{p}/"),
    *("http://[::127.0.0.1]:{p}/", "http://[64:ff9b::127.0.0.1]:{p}/", "http://[64:ff9b:1::7f00:1]:{p}/"),
    *("http://[2002:7f00:1::]:{p}/", "http://[2001:0:7f00:1::]:{p}/", "http://[fe80::5efe:127.0.0.1]:{p}/"),
    *("http://[::1%25lo]:{p}/", "http://[::1%lo]:{p}/", "http://[fe80::1%25lo]:{p}/", "http://[fe80::1%251]:{p}/"),
    *("http://[fc00::1]:{p}/", "http://[fd00:ec2::254]:{p}/", "http://[ff02::1]:{p}/", "http://[::ffff:0.0.0.0]:{p}/"),
    # names
    *("http://localhost:{p}/", "http://LOCALHOST:{p}/", "http://localhost.:{p}/", "http://loc\u00adalhost:{p}/"),
    *("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{p}/", "http://loopback.test:{p}/", "http://loopback6.test:{p}/", "http://mixed.test:{p}/"),
    *("http://mapped.test:{p}/", "http://zone.test:{p}/", "http://any.test:{p}/", "http://metadata.test:{p}/"),
    # what one parser takes for the host and another does not
    *("http://example.test@127.0.0.1:{p}/", "http://example.test:80@127.0.0.1:{p}/", "http://@127.0.0.1:{p}/"),
    *("http://127.0.0.1:{p}\\@example.test/", "http://example.test\\@127.0.0.1:{p}/", "http://:@127.0.0.1:{p}/"),
    *("http://127.0.0.1:{p}#@example.test/", "http://127.0.0.1:{p}?@example.test/", "http:\\\\127.0.0.1:{p}\\"),
    *("http://example.test&@127.0.0.1:{p}/", "http://127.0.0.1:{p}%2f@example.test/", "http://127.0.0.1\t:{p}/"),
    *(" http://127.0.0.1:{p}/", "http://127.0.0.1:{p}/\r\nHost: x", "http://example.test\n@127.0.0.1:{p}/"),
    *("//127.0.0.1:{p}/", "http:127.0.0.1:{p}/", "http:/127.0.0.1:{p}/", "http:///127.0.0.1:{p}/", "127.0.0.1:{p}"),
    # other schemes
    *(
        "ftp://127.0.0.1:{p}/",
        "gopher://127.0.0.1:{p}/_x",
        "file:///etc/passwd",
        "unix:///run/x.sock",
        "ws://127.0.0.1:{p}/",
    ),
    *("http+unix://%2Frun%2Fx.sock/", "javascript:alert(1)", "data:text/plain,x", "dict://127.0.0.1:{p}/", ""),
    # other networks
    *("http://10.0.0.1:{p}/", "http://192.168.0.1:{p}/", "http://172.16.0.1:{p}/", "http://100.64.0.1:{p}/"),
    *("http://169.254.169.254:{p}/", "http://2852039166:{p}/", "http://[::ffff:169.254.169.254]:{p}/"),
    *("http://224.0.0.1:{p}/", "http://255.255.255.255:{p}/", "http://198.18.0.1:{p}/", "http://100.100.100.200:{p}/"),
]
NAMES = {
    "loopback.test": ["127.0.0.1"],
    "loopback6.test": ["::1"],
    "mixed.test": ["8.8.8.8", "127.0.0.1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "zone.test": ["fe80::1%lo"],
    "any.test": ["0.0.0.0"],
    "metadata.test": ["169.254.169.254"],
}


async def resolve(host: str) -> list[str]:
    if host.endswith(".test"):
        if host not in NAMES:
            raise OSError("not known")
        return NAMES[host]
    return await network.resolve(host)


class Trap(NamedTuple):
    """Listeners on one port of every loopback address that there is."""

    port: int
    listeners: list[Listener]

    @property
    def connections(self) -> int:
        return sum(listener.connections for listener in self.listeners)


@asynccontextmanager
async def set_trap() -> AsyncIterator[Trap]:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(listen(site(sample_site), host="0.0.0.0"))
        listeners = [first]
        if socket.has_ipv6:
            listeners.append(await stack.enter_async_context(listen(site(sample_site), host="::1", port=first.port)))
        yield Trap(first.port, listeners)


async def ask(http: Http, url: str) -> str:
    """What came of it."""
    try:
        async with asyncio.timeout(10):
            return str((await http.send(HttpRequest("GET", url))).status)
    except BotError as error:
        return type(error).__name__


async def test_none_of_the_forms_reaches_loopback() -> None:
    assert len(set(FORMS)) >= 100
    async with (
        set_trap() as trap,
        open_http(HttpSettings(ports=(trap.port,)), SystemClock(), resolve) as http,
    ):
        outcomes = {form: await ask(http, form.format(p=trap.port)) for form in FORMS}

    assert trap.connections == 0
    assert {form: it for form, it in outcomes.items() if it not in {"ForbiddenError", "InvalidError"}} == {}


async def test_the_trap_catches_those_that_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: without the check of addresses, and without that of numbers, many of the forms arrive."""
    forms = [form for form in FORMS if form.startswith(("http://127", "http://0", "http://[::1]", "http://l"))]
    monkeypatch.setattr(network, "is_public", lambda _: True)
    async with set_trap() as trap, open_http(HttpSettings(ports=(trap.port,)), SystemClock(), resolve) as http:
        for form in forms:
            await ask(http, form.format(p=trap.port))
        checked = trap.connections
        monkeypatch.setattr("botstate.guarded.targets.parse_host", lambda host: host)
        for form in forms:
            await ask(http, form.format(p=trap.port))

    assert checked >= 10
    assert trap.connections - checked > checked


@pytest.mark.parametrize("form", ["http://2130706433:{p}/", "http://0x7f.1:{p}/", "http://127.1:{p}/"])
async def test_the_check_of_the_connection_holds_without_that_of_the_url(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the two guards is enough for these."""
    monkeypatch.setattr("botstate.guarded.targets.parse_host", lambda host: host)
    async with set_trap() as trap, open_http(HttpSettings(ports=(trap.port,)), SystemClock(), resolve) as http:
        assert await ask(http, form.format(p=trap.port)) == "ForbiddenError"
        assert trap.connections == 0
