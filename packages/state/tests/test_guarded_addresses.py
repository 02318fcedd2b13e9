from ipaddress import ip_address

import pytest

from botlib import InvalidError
from botstate.guarded.addresses import is_public, parse_allowed, parse_host

PUBLIC = """
1.1.1.1 8.8.8.8 93.184.215.14 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 192.169.0.1 223.255.255.255
2001:4860:4860::8888 2606:4700:4700::1111 2a00:1450:4001::1 2400:cb00::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
"""
NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.255
169.254.169.254 169.254.0.1 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1
198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::7f00:1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1
64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1:: 2001:2::1 2001:10::1 2001:20::1
2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 2002:808:808:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1
fe80::a9fe:a9fe fe80::1%eth0 2606:4700::1%eth0 fec0::1 ff02::1 ff0e::1
"""


@pytest.mark.parametrize("text", PUBLIC.split())
def test_this_address_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC.split())
def test_this_address_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC.split())
def test_it_is_never_more_lenient_than_the_standard_library(text: str) -> None:
    address = ip_address(text)
    assert not (is_public(address) and not address.is_global)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("my_host.example", "my_host.example"),
        ("8.8.8.8", "8.8.8.8"),
        ("8.8.8.8.", "8.8.8.8"),
        ("2606:4700:0:0::1111", "2606:4700::1111"),
        ("3com.example", "3com.example"),
        ("cafe", "cafe"),
    ],
)
def test_a_host_has_one_spelling(text: str, host: str) -> None:
    assert parse_host(text) == host


NO_HOSTS = """
127.1 127.0.1 2130706433 0x7f000001 0x7f.0.0.1 0x7f.1 0177.0.0.1 017700000001 127.0.0.0x1 127.0.0.01 0 0x 1.2.3.4.5
example.0x7f 256.0.0.1 999 fe80::1%eth0 fe80::1%25eth0 ::1%lo 1::2::3 a..b . .. .a a.. -a a- a.-b a%2eb a%00b *
"""


@pytest.mark.parametrize("text", ["", *NO_HOSTS.split(), "ä.example", "a b", "a" * 64, ".".join(["a" * 60] * 5)])
def test_this_is_no_host(text: str) -> None:
    with pytest.raises(InvalidError):
        parse_host(text)


def test_operators_allow_hosts_and_networks() -> None:
    allowed = parse_allowed(("Wiki.example", "10.1.0.0/16", "127.0.0.1", "fd00::/8"))

    assert allowed.hosts == {"wiki.example"}
    covered = ["10.1.255.255", "127.0.0.1", "::ffff:10.1.0.1", "fd12::1"]
    assert [text for text in (*covered, "10.2.0.1", "127.0.0.2", "::1") if allowed.covers(ip_address(text))] == covered


@pytest.mark.parametrize("text", ["", "10.1.0.1/16", "http://wiki.example", "wiki.example:80", "10.1", "*.example"])
def test_what_is_neither_is_named(text: str) -> None:
    with pytest.raises(InvalidError, match=r"is neither a host nor a network\. Write it"):
        parse_allowed((text,))
