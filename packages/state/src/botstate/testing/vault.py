"""A stand-in for a Vault server, for tests: it speaks the HTTP of Vault's documented API, as far as secrets need it.

It is a fake. It has a store of keys and values (version 2), and tokens that can be looked up and renewed; it checks no
policy and encrypts nothing. hvac, the client of Vault, is driven against it unchanged.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator


class FakeVault:
    """What the server has and did. A test may change it at any time."""

    def __init__(self) -> None:
        self.url = ""
        #: mount/path -> the fields of the newest version; None was deleted.
        self.secrets: dict[str, dict[str, Any] | None] = {}
        #: token -> seconds that it is valid for; 0 is for ever.
        self.tokens: dict[str, int] = {}
        self.renewable = True
        self.sealed = False
        #: Answers wait for it.
        self.answering = threading.Event()
        self.answering.set()
        #: Method and path of every request.
        self.requests: list[str] = []

    def answer(self, method: str, path: str, token: str) -> tuple[int, dict[str, Any]]:
        """Status and body, as https://developer.hashicorp.com/vault/api-docs has them."""
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        match method, path.split("/"):
            case "GET", ["v1", "auth", "token", "lookup-self"]:
                return 200, {"data": {"ttl": self.tokens[token], "renewable": self.renewable}}
            case "PUT" | "POST", ["v1", "auth", "token", "renew-self"] if self.renewable:
                return 200, {"auth": {"client_token": token, "lease_duration": self.tokens[token], "renewable": True}}
            case "GET", ["v1", mount, "data", *rest]:
                return self._read("/".join([mount, *rest]))
        return 404, {"errors": []}

    def _read(self, path: str) -> tuple[int, dict[str, Any]]:
        if path not in self.secrets:
            return 404, {"errors": []}
        data = self.secrets[path]
        metadata = {"version": 1, "destroyed": False, "deletion_time": "" if data else "2030-01-01T00:00:00Z"}
        return 200 if data else 404, {"data": {"data": data, "metadata": metadata}}


@contextmanager
def run_fake_vault() -> Iterator[FakeVault]:
    """A fake Vault on a loopback port, in a thread."""
    vault = FakeVault()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"vault": vault}))
    server.daemon_threads = True
    vault.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield vault
    finally:
        vault.answering.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    vault: ClassVar[FakeVault]

    def do_GET(self) -> None:
        path = self.path.lstrip("/").partition("?")[0]
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.vault.requests.append(f"{self.command} /{path}")
        self.vault.answering.wait()
        status, body = self.vault.answer(self.command, path, self.headers.get("X-Vault-Token", ""))
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_PUT = do_POST = do_GET  # noqa: N815 - names of the standard library

    def log_message(self, *_arguments: object) -> None:
        """Tests are quiet."""
