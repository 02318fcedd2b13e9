"""The small client says what a server says, and believes no server that does not know the password."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from botserver_stack import StackError, TemporaryStack
from botserver_stack.postgres_client import Login, _Scram, run_statement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


def authentication(step: int, data: bytes = b"") -> bytes:
    return b"R" + struct.pack("!II", len(data) + 8, step) + data


READY = b"Z" + struct.pack("!I", 5) + b"I"
OFFER = authentication(10, b"SCRAM-SHA-256\0\0")
CHALLENGE = b",s=" + b"c2FsdA==" + b",i=1"

#: What a stranger says to each message of ours.
STRANGERS = {
    "trusts everybody": [authentication(0) + READY],
    "takes the password as it is": [authentication(3)],
    "knows no SCRAM": [authentication(10, b"PLAIN\0\0")],
    "has another nonce": [OFFER, authentication(11, b"r=another" + CHALLENGE)],
    "does not know the password": [
        OFFER,
        b"challenge",
        authentication(12, b"v=bm90aGluZw==") + authentication(0) + READY,
    ],
    "proves nothing": [OFFER, b"challenge", authentication(0) + READY],
    "hangs up": [b""],
}


@asynccontextmanager
async def stranger(says: list[bytes]) -> AsyncIterator[Login]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for words in says:
            heard = await reader.read(1000)
            if words == b"challenge":
                nonce = heard.rpartition(b"r=")[2]
                writer.write(authentication(11, b"r=" + nonce + b"more" + CHALLENGE))
            writer.write(words if words != b"challenge" else b"")
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield Login("127.0.0.1", server.sockets[0].getsockname()[1], "me", "secret", "mine")


@pytest.mark.parametrize("kind", STRANGERS)
async def test_a_stranger_is_not_believed(kind: str) -> None:
    async with stranger(STRANGERS[kind]) as login:
        with pytest.raises(StackError, match=r"stranger|nonce|it ended the connection"):
            await run_statement(login, "SELECT 1")


async def test_without_the_proof_a_stranger_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: a client that takes any signature for that of the server."""
    monkeypatch.setattr("botserver_stack.postgres_client.hmac.compare_digest", lambda *_: True)
    async with stranger([*STRANGERS["does not know the password"], READY]) as login:
        assert await run_statement(login, "SELECT 1") == ""


def test_the_exchange_is_that_of_the_specification() -> None:
    """The example of RFC 7677, section 3; PostgreSQL leaves the name of the user out of it."""
    exchange = _Scram("pencil")
    exchange._first = b"n=user,r=rOprNGfwEbeRWgbNEkqO"
    challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    answer = exchange.answer(11, challenge)
    assert answer.endswith(b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    exchange.answer(12, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert exchange.proven


async def test_rows_and_complaints_are_told_as_they_are(root: str) -> None:
    async with TemporaryStack(services=("postgres",), root=root) as stack:
        port, password = int(stack.environment["DB_PORT"]), stack.environment["DB_PASSWORD"]
        login = Login("127.0.0.1", port, "botuser", password, "botserver")
        rows = await run_statement(login, "SELECT n, NULL, 'ä' FROM generate_series(1, 2) AS n")
        assert rows == "1||ä\n2||ä\n"
        with pytest.raises(StackError, match=r'PostgreSQL says: relation "nothing" does not exist\.'):
            await run_statement(login, "SELECT * FROM nothing")
        with pytest.raises(StackError, match='database "another" does not exist'):
            await run_statement(login._replace(database="another"), "SELECT 1")
