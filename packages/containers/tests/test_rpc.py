"""The calls of `POST /rpc/v1` as strangers send them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botlib import FakeClock, FakeRandomness, ForbiddenError, LimitError, Secret, UnauthenticatedError
from botserver_containers.capability import ORCHESTRATOR
from botserver_containers.errors import ManifestError, SessionLimitError
from botserver_containers.router import create_router
from botserver_containers.rpc.methods import BY_NAME, METHODS
from botserver_containers.rpc.parameters import build_manifest, read_wish
from botserver_containers.rpc.protocol import RpcError, read_request
from botserver_containers.rpc.sessions import Caller, Sessions
from botserver_containers.settings import ContainersSettings
from botserver_containers.testing import IMAGE, open_world
from botserver_core import create_app
from botstate import Service
from botstate.testing import fake_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from botserver_containers.testing import World

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def client(
    world: World, *, password: str = "", address: str = "127.0.0.1", url: str = "http://127.0.0.1"
) -> AsyncIterator[httpx2.AsyncClient]:
    state = fake_state(ContainersSettings(password=Secret(password) if password else None), clock=world.clock)
    state.provide(ORCHESTRATOR, world.orchestrator)
    service = Service(name="containers", create_router=create_router, paths=("/rpc", "/ws", "/containers"))
    transport = httpx2.ASGITransport(create_app(state, [service]), client=(address, 1))
    async with httpx2.AsyncClient(transport=transport, base_url=url) as opened:
        yield opened


async def call(http: httpx2.AsyncClient, method: str, **parameters: Any) -> Any:
    answer = (await http.post("/rpc/v1", json={"method": method, "params": parameters})).json()
    # What the layer before all services refuses is a problem, not an answer of JSON-RPC.
    return answer["result"] if "result" in answer else answer.get("error", answer)


async def test_a_request_may_have_an_envelope_or_none(world: World) -> None:
    async with client(world) as http:
        sent = [
            {"method": "server.echo", "params": {"message": "hi"}},
            {"jsonrpc": "2.0", "id": 7, "method": "server-echo", "params": {"message": "hi"}},
            {"jsonrpc": "2.0", "id": "x", "method": "container.list"},
        ]
        answers = [(await http.post("/rpc/v1", json=document)).json() for document in sent]
        # As curl sends it: a form, by its header.
        form = {"content-type": "application/x-www-form-urlencoded"}
        answers.append((await http.post("/rpc/v1", content=b'{"method":"container.list"}', headers=form)).json())
    assert answers == [
        {"result": {"message": "hi"}},
        {"jsonrpc": "2.0", "id": 7, "result": {"message": "hi"}},
        {"jsonrpc": "2.0", "id": "x", "result": {"containers": []}},
        {"result": {"containers": []}},
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"\xff", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"{}", -32600),
        (b'{"method": 5}', -32600),
        (b'{"method": "container.list", "id": {}}', -32600),
        (b'{"method": "container.list", "params": []}', -32602),
        (b'{"method": "container.list", "params": {"x": 1}}', -32602),
        (b'{"method": "container.lits"}', -32601),
        (b'{"method": "package.start", "params": {"id": "../etc"}}', -32602),
        (b'{"method": "package.start", "params": {"id": "a;reboot"}}', -32602),
        (b'{"method": "package.start", "params": {"id": 5}}', -32602),
        (b'{"method": "package.start", "params": {"id": "nobody"}}', -32004),
        (b'{"method": "package.uninstall", "params": {"id": "nobody", "preserve_data": "yes"}}', -32602),
        (b'{"method": "container.logs", "params": {"id": "a", "lines": true}}', -32602),
        (b'{"method": "package.install", "params": {"id": "a", "dockerImage": "evil.example/x"}}', -32003),
        (b'{"method": "package.install", "params": {"id": "a", "dockerImage": "--privileged"}}', -32010),
        (b'{"method": "package.install", "params": {"id": "a"}}', -32010),
        (b'{"method": "package.sideload", "params": {"manifest": "app: ["}}', -32010),
        (b'{"method": "container.install", "params": {"image": "nginx", "name": "a/b"}}', -32602),
        (b" " * 2_000_000, -32600),
    ],
)  # fmt: skip
async def test_bad_input_gets_a_code_and_a_sentence_and_creates_nothing(world: World, body: bytes, code: int) -> None:
    world.mock.calls.clear()
    async with client(world) as http:
        response = await http.post("/rpc/v1", content=body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (200, code)
    assert len(error["message"]) > 10
    assert (world.mock.calls, world.phases()) == ([], {})


async def test_a_missing_dependency_comes_with_the_list(world: World) -> None:
    async with client(world) as http:
        wish = {"id": "lnd", "dockerImage": IMAGE, "containerConfig": {"dependencies": ["bitcoin-knots", "lnd-db"]}}
        error = await call(http, "package.install", **wish)
    assert error == {
        "code": -32011,
        "message": "lnd needs bitcoin-knots, lnd-db, which are not installed. Install what it needs first.",
        "data": {"code": "containers-dependencies", "names": ["bitcoin-knots", "lnd-db"]},
    }


async def test_unknown_keys_of_a_manifest_are_told_all_at_once(world: World) -> None:
    async with client(world) as http:
        error = await call(http, "package.install", id="a", dockerImage="nginx", containerConfig={"prots": 1, "x": 2})
    assert error["data"]["problems"] == [
        "app has an unknown key 'prots'. Did you mean ports?",
        error["data"]["problems"][1],
    ]


async def test_every_method_has_two_names(world: World) -> None:
    assert len(BY_NAME) == 2 * sum("." in method.name for method in METHODS) + sum("." not in m.name for m in METHODS)
    async with client(world) as http:
        assert await call(http, "container-list") == await call(http, "container.list")
        assert await call(http, "server.get-state") == await call(http, "server-get-state")


async def test_what_others_of_this_kind_have_is_refused_with_a_way_out(world: World) -> None:
    methods = [
        "server.update", "server.restart", "server.shutdown", "marketplace.get", "auth.changePassword",
        "auth.onboardingComplete", "auth.resetOnboarding", "auth.login.totp", "auth.login.backup",
        "auth.totp.setup.begin", "auth.totp.confirm", "auth.totp.disable",
    ]  # fmt: skip
    async with client(world) as http:
        errors = [await call(http, name) for method in methods for name in (method, method.replace(".", "-"))]
        assert await call(http, "auth.totp.status") == {"enabled": False}
    assert {(error["code"], error["data"]["code"]) for error in errors} == {(-32601, "containers-not-offered")}
    assert all(error["message"].startswith("This server does not offer that. ") for error in errors)


async def test_a_server_keeps_the_name_that_it_was_given(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world, client(world) as http:
        assert await call(http, "server.set-name", name="The one in the cellar") == {"ok": True}
        assert [(await call(http, "server.set-name", name=name))["code"] for name in ("", " ", "a\n", 5)] == [
            -32602
        ] * 4
    async with open_world(tmp_path) as world, client(world) as http:
        assert (await call(http, "server.get-state"))["data"]["server-info"] == {"name": "The one in the cellar"}


async def test_a_manifest_is_installed_by_its_path_below_the_folder_of_manifests_only(tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    (folder / "more").mkdir(parents=True)
    text = f"app: {{id: a, container: {{image: '{IMAGE}'}}}}"
    for file in (folder / "more/a.yml", tmp_path / "outside.yml"):
        file.write_text(text)
    (folder / "link.yml").symlink_to(tmp_path / "outside.yml")
    refused = ["../outside.yml", str(tmp_path / "outside.yml"), "link.yml", "more", "nothing.yml", "", "a\0b"]
    async with open_world(tmp_path / "data", manifests=str(folder)) as world, client(world) as http:
        codes = [(await call(http, "container.install", manifest_path=path))["code"] for path in refused]
        assert codes == [-32010] * 5 + [-32602] * 2
        assert (await call(http, "container.install", manifest_path="more/a.yml", name="b"))["code"] == -32602
        assert world.phases() == {}
        begun = await call(http, "container.install", manifest_path="more/a.yml")
        assert begun == {"ok": True, "container_id": "a", "package_id": "a", "status": "installing"}
        await world.settle("a")
        assert world.phases() == {"a": "running"}
    async with open_world(tmp_path / "none") as world, client(world) as http:
        assert (await call(http, "container.install", manifest_path="more/a.yml"))["code"] == -32010


async def test_an_app_is_driven_over_the_wire(world: World) -> None:
    async with client(world) as http:
        begun = await call(http, "package.install", id="a", dockerImage=IMAGE)
        assert begun == {"ok": True, "package_id": "a", "status": "installing"}
        await world.settle("a")
        (listed,) = (await call(http, "container.list"))["containers"]
        assert (listed["name"], listed["state"], listed["health"]) == ("a", "running", "unknown")
        assert await call(http, "container.health") == {"a": "unknown"}
        assert await call(http, "container.health", id="a") == {"healthy": True, "health": "unknown"}
        assert (await call(http, "container.status", id="a"))["status"] == "running"
        assert await call(http, "container.logs", id="a") == {"logs": ""}
        for method, status in (("stop", "stopping"), ("start", "starting"), ("restart", "restarting")):
            assert (await call(http, f"package.{method}", id="a"))["status"] == status
            await world.settle("a")
        assert (await call(http, "package.update", id="a", version="1"))["status"] == "updating"
        await world.settle("a")
        state = (await call(http, "server.get-state"))["data"]["package-data"]["a"]
        assert (state["state"], state["manifest"]["version"], state["manifest"]["image"]) == ("running", "1", IMAGE)
        assert (await call(http, "container.reconcile"))["steps"][0]["verb"] == "leave"
        assert (await call(http, "health"))["status"] == "ok"
        notices = (await call(http, "server.get-state"))["data"]["notifications"]
        assert await call(http, "notification.dismiss", id=notices[0]["id"]) == {"ok": True}
        assert (await call(http, "package.uninstall", id="a"))["status"] == "removing"
        await world.settle("a")
    assert world.mock.containers == {}


async def test_without_a_password_only_this_machine_may_call(world: World) -> None:
    found = {}
    for address, url in [
        ("127.0.0.1", "http://127.0.0.1"), ("::1", "http://[::1]:8000"), ("127.0.0.1", "http://localhost:8000"),
        ("10.0.0.5", "http://127.0.0.1"), ("127.0.0.1", "http://evil.example"),
    ]:  # fmt: skip
        async with client(world, address=address, url=url) as http:
            found[address, url] = (await call(http, "container.list")).get("code")
    assert list(found.values()) == [None, None, None, -32001, "wrong-host"]


async def test_a_page_of_somebody_else_is_not_let_in(world: World) -> None:
    async with client(world) as http:
        for origin, status in [("http://127.0.0.1", 200), ("http://evil.example", 403), ("null", 403)]:
            response = await http.post("/rpc/v1", json={"method": "package.stop"}, headers={"origin": origin})
            assert response.status_code == status, response.text


def test_the_sessions_let_no_page_of_somebody_else_in_either() -> None:
    sessions = Sessions(FakeClock(), FakeRandomness(), None)
    sessions.admit(Caller("127.0.0.1", "127.0.0.1:8000", "http://127.0.0.1:8000"))
    for caller in (
        Caller("127.0.0.1", "127.0.0.1:8000", "http://evil.example"),
        Caller("127.0.0.1", "127.0.0.1:8000", "null"),
        Caller("127.0.0.1", "evil.example"),
        Caller("10.0.0.5", "127.0.0.1:8000"),
    ):
        with pytest.raises((ForbiddenError, UnauthenticatedError)):
            sessions.admit(caller)


async def test_a_session_needs_the_password_and_changes_need_the_token(world: World) -> None:
    async with client(world, password="correct horse", address="10.0.0.5") as http:
        assert (await call(http, "container.list"))["code"] == -32001
        assert (await call(http, "health"))["status"] == "ok"
        assert (await call(http, "auth.login", password="wrong"))["code"] == -32001
        response = await http.post("/rpc/v1", json={"method": "auth.login", "params": {"password": "correct horse"}})
        cookies = response.headers.get_list("set-cookie")
        assert response.json() == {"result": {"ok": True, "totp_required": False}}
        assert [("HttpOnly" in cookie, "SameSite=strict" in cookie) for cookie in cookies] == [
            (True, True),
            (False, True),
        ]
        assert (await call(http, "container.list")) == {"containers": []}
        assert (await call(http, "container.reconcile"))["code"] == -32003
        http.headers["x-csrf-token"] = http.cookies["csrf_token"]
        assert await call(http, "container.reconcile") == {"steps": []}
        assert await call(http, "auth.logout") == {"ok": True}
        assert (await call(http, "container.list"))["code"] == -32001


def test_sessions_are_few_and_wrong_passwords_too() -> None:
    sessions = Sessions(FakeClock(), FakeRandomness(), Secret("x"))
    for _ in range(50):
        sessions.log_in("x")
    with pytest.raises(SessionLimitError):
        sessions.log_in("x")
    for _ in range(10):
        with pytest.raises(UnauthenticatedError):
            sessions.log_in("y")
    with pytest.raises(LimitError):
        sessions.log_in("x")


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_body_is_a_request_or_an_error(body: bytes) -> None:
    try:
        assert read_request(body).method
    except RpcError as error:
        assert error.code in {-32700, -32600, -32602}  # noqa: PT017 - either outcome is fine


def test_a_wish_is_laid_over_the_manifest_of_the_catalogue() -> None:
    catalogued = {"app": {"id": "a", "container": {"image": "nginx:1"}, "ports": [{"host": 80, "container": 80}]}}
    wish = read_wish({"id": "a", "version": "1.27", "containerConfig": {"network": "apps", "ports": []}})
    manifest = build_manifest(wish, catalogued)
    assert (manifest.image, manifest.version, manifest.network, manifest.ports) == (
        "docker.io/library/nginx:1.27",
        "1.27",
        "apps",
        (),
    )
    with pytest.raises(ManifestError, match="has another id"):
        build_manifest(read_wish({"id": "b"}), catalogued)


async def test_the_log_of_an_app_comes_as_events(world: World) -> None:
    from botserver_containers.podman.mock import Behaviour

    world.mock.registry[IMAGE] = Behaviour(log=("one", "two"))
    await world.install("a")
    async with client(world) as http:
        response = await http.get("/containers/a/log")
        missing = await http.get("/containers/nobody/log")
    assert (response.headers["content-type"], response.text) == (
        "text/event-stream; charset=utf-8",
        "data: one\n\ndata: two\n\n",
    )
    assert (missing.status_code, missing.json()["code"]) == (404, "containers-unknown-app")
