"""What an operator decides about HTTP: the part `web` of the settings."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from botstate import CACHE, SETTINGS, MissingSettingsError, Service

if TYPE_CHECKING:
    from botstate import AppState

_HOST = re.compile(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]|\*")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9_.-]+(:\d+)?|https?://\[[0-9A-Fa-f:.]+\](:\d+)?|\*")


@dataclass(frozen=True)
class Rate:
    """So many requests within any span of so many seconds. A count of 0 means no limit."""

    count: int = 6000
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.count < 0 or self.seconds <= 0:
            raise ValueError("A rate is a count of at least 0 in a span of more than 0 seconds.")


@dataclass(frozen=True)
class WebSettings:
    """Who may ask, and how much. The defaults are those of a server on one machine.

    `hosts`: names that the server answers to; "*.example.org" are all below, "*" is any. Empty: every address, and
    every name that nobody outside can own: without a dot, or below localhost. This is what stops DNS rebinding.
    `origins`: other web pages whose scripts may use the server, such as "https://app.example.org"; "*" is any.
    `proxies`: how many proxies stand before the server, each adding to X-Forwarded-For; `proxy_addresses`: where they
    may speak from, as addresses or networks. With 0 the header changes nothing.
    `request_seconds`: how long the headers may take, and the body if it is slower than `body_rate` bytes a second.
    `unread_seconds`: how long a caller may take nothing of what is sent to it.
    `requests`: how many are answered at one time; `connections`: how many are open, sockets and silent ones included.
    """

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxies: int = 0
    proxy_addresses: tuple[str, ...] = ()
    url_bytes: int = 8192
    header_bytes: int = 32_768
    header_count: int = 100
    body_bytes: int = 10_485_760
    body_rate: int = 16_384
    socket_message_bytes: int = 1_048_576
    request_seconds: float = 10.0
    keep_alive_seconds: float = 15.0
    unread_seconds: float = 60.0
    requests: int = 1000
    connections: int = 4000
    address_rate: Rate = field(default_factory=Rate)
    user_rate: Rate = field(default_factory=Rate)
    token_rate: Rate = field(default_factory=Rate)
    strict_transport_seconds: int = 0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, int | float) and value < 0:
                raise ValueError(f"{one.name} is less than 0.")
        for host in self.hosts:
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host!r} is no host: write it like example.org, *.example.org, [::1] or *.")
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin: write it like https://app.example.org, without a path.")
        for network in self.proxy_addresses:
            ipaddress.ip_network(network, strict=False)
        if self.proxies and not self.proxy_addresses:
            raise ValueError("proxies needs proxy_addresses: from where the nearest proxy speaks, such as 10.0.0.0/8.")


#: What answers requests needs of the others: the cache, in which all processes of a server count together. A server has
#: it among its services, so that the cache is opened and the part `web` of the settings is known.
web_service: Service = Service(name="web", summary="Answers requests.", settings=WebSettings, requires=(CACHE,))


def web_settings_of(state: AppState) -> WebSettings:
    """What is set, or the defaults for a state that knows no part `web`."""
    if not state.has(SETTINGS):
        return WebSettings()
    try:
        return state.settings.part(WebSettings)
    except MissingSettingsError:
        return WebSettings()
