import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi import APIRouter

from botlib import NotFoundError
from botserver_core import create_app
from botserver_core.files import Files
from botstate import AppState, Service
from botstate.testing import fake_state

pytestmark = pytest.mark.anyio

PACKAGE = "files_for_tests"
HASHED = "/static/files_for_tests/app.1f0aa6b994e5e57a.js"


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    static = tmp_path / PACKAGE / "pages" / "static"
    (static / "deep").mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").write_text("SECRET = 1\n")
    (static.parent / "index.html").write_text("a template")
    (static / "app.js").write_text("let a;\n")
    (static / "deep" / "LICENSE").write_text("free\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop(PACKAGE, None)


def create_router(_state: AppState) -> APIRouter:
    return APIRouter()


async def get(path: str, **headers: str) -> httpx2.Response:
    create_router.__module__ = f"{PACKAGE}.router"
    service = Service(name="files", create_router=create_router, paths=("/files",))
    transport = httpx2.ASGITransport(create_app(fake_state(), [service]))
    async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
        return await client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_the_address_of_a_file_holds_the_hash_of_its_bytes() -> None:
    files = Files([PACKAGE])

    assert files.url_of(f"{PACKAGE}/app.js") == HASHED
    assert files.url_of(f"{PACKAGE}/deep/LICENSE").startswith(f"/static/{PACKAGE}/deep/LICENSE.")
    with pytest.raises(NotFoundError, match="There is no file files_for_tests/nothing"):
        files.url_of(f"{PACKAGE}/nothing.js")


async def test_a_hashed_file_is_kept_for_ever_and_a_plain_one_is_asked_for_again() -> None:
    hashed, plain = await get(HASHED), await get(f"/static/{PACKAGE}/app.js")

    assert [(it.status_code, it.text, it.headers["etag"], it.headers["cache-control"]) for it in (hashed, plain)] == [
        (200, "let a;\n", '"1f0aa6b994e5e57a"', "public, max-age=31536000, immutable"),
        (200, "let a;\n", '"1f0aa6b994e5e57a"', "no-cache"),
    ]
    assert hashed.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("known", ['"1f0aa6b994e5e57a"', 'W/"1f0aa6b994e5e57a"', '"x", "1f0aa6b994e5e57a"', "*"])
async def test_who_knows_the_file_gets_no_copy(known: str) -> None:
    answer = await get(HASHED, If_None_Match=known)

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1f0aa6b994e5e57a"')


@pytest.mark.parametrize("wanted", ["bytes=0-1", "bytes=" + ",".join(f"{at}-" for at in range(2_000)), "bytes=9-1"])
async def test_ranges_get_the_whole_file(wanted: str) -> None:
    answer = await get(HASHED, Range=wanted)

    assert (answer.status_code, answer.text, answer.headers["accept-ranges"]) == (200, "let a;\n", "none")


@pytest.mark.parametrize(
    "path",
    [
        f"/static/{PACKAGE}/index.html",
        f"/static/{PACKAGE}/../index.html",
        f"/static/{PACKAGE}/..%2findex.html",
        f"/static/{PACKAGE}/%2e%2e/%2e%2e/__init__.py",
        "/static//etc/passwd",
        "/static/botstate/py.typed",
        f"/static/{PACKAGE}/app.0000000000000000.js",
        f"/static/{PACKAGE}/app.js%C2%A0",
    ],
)
async def test_nothing_else_is_served(path: str) -> None:
    assert (await get(path)).status_code == 404
