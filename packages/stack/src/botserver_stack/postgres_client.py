"""Statements to a PostgreSQL, by version 3 of its protocol and SCRAM-SHA-256 (RFC 7677): enough for a probe.

A driver takes ten times longer to load than the server to start, and a process of psql as long as all the rest.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import struct
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import NamedTuple

from botlib import SystemRandomness
from botserver_stack.errors import StackError

_PROTOCOL = 196_608  # version 3.0
#: Seconds to log in. A stranger may accept a connection and say nothing.
_LOGIN_SECONDS = 10.0
_SCRAM = b"SCRAM-SHA-256"
#: Types of messages.
_AUTHENTICATION, _DATA_ROW, _ERROR, _READY = b"R", b"D", b"E", b"Z"
#: What an authentication message asks for.
_DONE, _OFFER, _CHALLENGE, _PROOF = 0, 10, 11, 12


class Login(NamedTuple):
    host: str
    port: int
    user: str
    password: str
    database: str


async def run_statement(login: Login, statement: str) -> str:
    """Its rows as text, columns divided by "|", on a connection of its own.

    Raises `StackError` with what the server says, and when it does not prove that it knows the password, too.
    """
    try:
        reader, writer = await asyncio.open_connection(login.host, login.port)
        connection = _Connection(reader, writer)
        try:
            async with asyncio.timeout(_LOGIN_SECONDS):
                await connection.log_in(login)
            return await connection.run(statement)
        finally:
            with suppress(OSError):
                writer.write(_frame(b"X", b""))
            writer.close()
    except (OSError, EOFError) as error:
        raise StackError(f"PostgreSQL cannot be asked on port {login.port}: {_reason(error)}.") from None


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def log_in(self, login: Login) -> None:
        """Prove the password and let it be proven; returns when the server takes statements."""
        names = {"user": login.user, "database": login.database, "client_encoding": "UTF8"}
        fields = b"".join(f"{name}\0{value}\0".encode() for name, value in names.items())
        self._writer.write(_frame(b"", struct.pack("!I", _PROTOCOL) + fields + b"\0"))
        exchange = _Scram(login.password)
        while True:
            kind, body = await self._receive()
            if kind == _READY and exchange.proven:
                return
            if kind == _AUTHENTICATION:
                self._writer.write(exchange.answer(struct.unpack_from("!I", body)[0], body[4:]))

    async def run(self, statement: str) -> str:
        """The rows of one statement. Raises `StackError` when it failed."""
        self._writer.write(_frame(b"Q", statement.encode() + b"\0"))
        rows = []
        while True:
            kind, body = await self._receive()
            if kind == _DATA_ROW:
                rows.append("|".join(_columns(body)) + "\n")
            elif kind == _READY:
                return "".join(rows)

    async def _receive(self) -> tuple[bytes, bytes]:
        kind, length = struct.unpack("!cI", await self._reader.readexactly(5))
        body = await self._reader.readexactly(length - 4)
        if kind == _ERROR:
            fields = {it[:1]: it[1:].decode(errors="replace") for it in body.split(b"\0") if it}
            raise StackError(f"PostgreSQL says: {fields.get(b'M', 'nothing')}.")
        return kind, body


class _Scram:
    """The client's side of one exchange. `proven`: the server has shown that it knows the password."""

    def __init__(self, password: str) -> None:
        self.proven = False
        self._password = password.encode()
        self._first = f"n=,r={b64encode(SystemRandomness().random_bytes(18)).decode()}".encode()
        self._signature = b""

    def answer(self, step: int, data: bytes) -> bytes:
        """The message that answers this one of the server's."""
        if step == _OFFER and _SCRAM in data.split(b"\0"):
            first = b"n,," + self._first
            return _frame(b"p", _SCRAM + b"\0" + struct.pack("!I", len(first)) + first)
        if step == _CHALLENGE:
            return _frame(b"p", self._prove(data))
        if step == _PROOF:
            self.proven = hmac.compare_digest(data, b"v=" + b64encode(self._signature))
            if self.proven:
                return b""
        if step == _DONE and self.proven:
            return b""
        raise StackError("PostgreSQL does not prove that it knows the password: it is a stranger.")

    def _prove(self, challenge: bytes) -> bytes:
        nonce, salt, rounds = (it[2:] for it in challenge.split(b",")[:3])
        if not nonce.startswith(self._first.partition(b"r=")[2]):
            raise StackError("PostgreSQL answers with the nonce of another exchange.")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, b64decode(salt), int(rounds))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = b"c=biws,r=" + nonce  # biws: no channel binding
        said = b",".join((self._first, challenge, final))
        signature = hmac.digest(hashlib.sha256(key).digest(), said, "sha256")
        self._signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), said, "sha256")
        return final + b",p=" + b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True)))


def _frame(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _reason(error: OSError | EOFError) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else "it ended the connection"


def _columns(body: bytes) -> list[str]:
    (count,) = struct.unpack_from("!H", body)
    columns, place = [], 2
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, place)
        place += 4
        columns.append(body[place : place + max(length, 0)].decode())
        place += max(length, 0)
    return columns
