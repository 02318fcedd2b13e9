"""The whole path on real Podman: over HTTP to a container and back."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from botserver_containers import service
from botserver_containers.settings import ContainersSettings
from botserver_core import create_app
from botstate import CacheSettings, Settings, compose, with_basis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from botserver_containers.lab import Lab

pytestmark = [pytest.mark.anyio, pytest.mark.podman, pytest.mark.slow]


class Caller:
    """One who calls methods."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def __call__(self, method: str, **parameters: Any) -> Any:
        """The result, or the error as it came."""
        response = await self._client.post("/rpc/v1", json={"method": method, "params": parameters})
        assert response.status_code == 200, response.text
        answer = response.json()
        return answer.get("result", answer)

    async def until(self, name: str, state: str, *, seconds: float = 30.0) -> None:
        """Wait until an app is in this state; "gone" when it is not there any more."""
        deadline = time.monotonic() + seconds
        while True:
            data = (await self("server.get-state"))["data"]
            entry = data["package-data"].get(name)
            seen = entry["state"] if entry else "gone"
            if seen == state:
                return
            told = data["notifications"]
            assert time.monotonic() < deadline, f"{name} is {seen} after {seconds:g} s, not {state}: {told}"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def serving(folder: Path, **settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
    part = ContainersSettings(directory=str(folder), settle=0.3, allowed_images=("localhost/*",), **settings)
    services = with_basis([service], Settings({"containers": part, "cache": CacheSettings()}))
    async with compose(services) as state:
        transport = httpx2.ASGITransport(create_app(state, services), client=("127.0.0.1", 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


async def test_an_app_is_installed_stopped_started_and_removed(lab: Lab, tmp_path: Path) -> None:
    files = {"containers_conf": lab.containers_conf, "storage_conf": lab.storage_conf}
    async with serving(tmp_path, **files) as client:
        call = Caller(client)
        begun = await call("package.install", id="filebrowser", dockerImage="localhost/lab/serve:1")
        assert begun == {"ok": True, "package_id": "filebrowser", "status": "installing"}
        await call.until("filebrowser", "running")
        assert (await call("container.list"))["containers"][0]["state"] == "running"
        assert await call("package-stop", id="filebrowser") == {
            "ok": True,
            "package_id": "filebrowser",
            "status": "stopping",
        }
        await call.until("filebrowser", "stopped")
        await call("package.start", id="filebrowser")
        await call.until("filebrowser", "running")
        assert await call("container.health") == {"filebrowser": "unknown"}
        await call("package.uninstall", id="filebrowser")
        await call.until("filebrowser", "gone")
    assert lab.run("ps", "--all", "--format", "{{.Names}}").stdout == b""


async def test_without_podman_the_service_says_so_and_how_to_get_it(tmp_path: Path) -> None:
    async with serving(tmp_path, podman="/nowhere/podman") as client:
        health = await client.get("/health")
        answer = await client.post("/rpc/v1", json={"method": "container.list"})
    (trouble,) = [it["trouble"] for it in health.json()["services"] if it["name"] == "containers"]
    assert health.status_code == 503
    assert trouble == (
        "orchestrator did not open: There is no /nowhere/podman on this machine. "
        "Install it: apt-get install podman runc. Then start this service again."
    )
    assert (answer.status_code, "apt-get install podman" in answer.text) == (503, True)
