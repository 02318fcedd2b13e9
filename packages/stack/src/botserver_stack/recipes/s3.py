"""S3: `minio` when it is on PATH, else OpenStack Swift in one process, else moto.

All of them store below `minio/`, as the plan calls the folder, and come with one bucket.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from botserver_stack.errors import StackError
from botserver_stack.files import write_file
from botserver_stack.http_requests import get
from botserver_stack.recipes.base import Launch
from botserver_stack.s3_requests import send_request
from botserver_stack.spawning import Order

if TYPE_CHECKING:
    from botserver_stack.recipes.base import Run, Site

BUCKET = "botserver"
_MADE = (200, 204, 409)  # 409: it is there already, and ours


class _S3Recipe:
    """What the three have in common."""

    name = "s3"
    folder = "minio"
    port = 9001
    layer = 1
    warning = ""
    recommended = False

    async def prepare(self, site: Site, run: Run) -> None:
        del site, run  # their files are those of `launch`

    async def settle(self, site: Site) -> None:
        answer = await send_request(site, "PUT", f"/{BUCKET}")
        if answer.status not in _MADE:
            raise StackError(f"The bucket {BUCKET} cannot be made: status {answer.status} of the S3 server.")

    async def is_ready(self, site: Site) -> bool:
        """It keeps an object and gives it back."""
        path, body = f"/{BUCKET}/.ready", site.stack.encode()
        put = await send_request(site, "PUT", path, body)
        if put.status == 404:  # one that forgets everything was started again
            await self.settle(site)
        found = await send_request(site, "GET", path)
        gone = await send_request(site, "DELETE", path)
        return (put.status, found, gone.status) == (200, (200, body), 204)

    async def explain(self, site: Site) -> str:
        del site
        return ""

    def publish(self, site: Site) -> dict[str, str]:
        return {
            "MINIO_URL": f"http://{site.host}:{site.port}",
            "MINIO_ACCESS_KEY": site.user,
            "MINIO_SECRET_KEY": site.password.reveal(),
            "MINIO_BUCKET": BUCKET,
        }

    def _launch(self, site: Site, arguments: tuple[str, ...], **environment: str) -> Launch:
        order = Order(
            arguments=arguments,
            environment=site.environment | environment,
            folder=site.data,
            log=os.path.join(site.folder, "minio.log"),
            death_signal="SIGTERM",
        )
        return Launch(order, signals=(("SIGTERM", 3.0),))


class MinioRecipe(_S3Recipe):
    """MinIO itself, which nothing but the operator brings."""

    choice = "s3-minio"
    title = "MinIO"
    user = "{random}"

    def find(self) -> str:
        path = shutil.which("minio")
        if path is None:
            raise StackError("There is no minio.", remedy="Put the program on PATH.")
        return path

    async def launch(self, site: Site) -> Launch:
        return self._launch(
            site,
            (self.find(), "server", site.data, "--quiet", "--address", f"{site.host}:{site.port}"),
            MINIO_ROOT_USER=site.user,
            MINIO_ROOT_PASSWORD=site.password.reveal(),
            MINIO_BROWSER="off",
            MINIO_UPDATE="off",
        )

    async def is_up(self, site: Site) -> bool:
        return (await get(site, "/minio/health/live")).status == 200


class SwiftRecipe(_S3Recipe):
    """It checks signatures, keeps versions, and what it has stored survives a SIGKILL."""

    choice = "s3-swift"
    recommended = True
    title = "Swift"
    user = "stack:{random}"

    def find(self) -> str:
        if find_spec("swift") is None or find_spec("eventlet") is None:
            raise StackError("There is no S3 server.", remedy="Get one: pip install 'botserver-stack[s3]'")
        return sys.executable

    async def launch(self, site: Site) -> Launch:
        path = os.path.join(site.folder, "swift.json")
        options = {"folder": site.data, "port": site.port, "user": site.user, "password": site.password.reveal()}
        write_file(path, json.dumps(options))
        return self._launch(site, (self.find(), "-W", "ignore", "-m", "botserver_stack.swift_server", path))

    async def is_up(self, site: Site) -> bool:
        return (await get(site, "/healthcheck")).status == 200


class MotoRecipe(_S3Recipe):
    """The widest interface, in memory. Only when there is nothing better: it believes every signature."""

    choice = "s3-moto"
    title = "moto"
    user = "{random}"
    warning = "moto stands in for S3: it checks no signature, accepts expired addresses, and forgets all when it stops."

    def find(self) -> str:
        if find_spec("moto") is None or find_spec("flask") is None:
            raise StackError("There is no moto server.", remedy="Get one: pip install 'botserver-stack[moto]'")
        return sys.executable

    async def launch(self, site: Site) -> Launch:
        program = "from moto.server import main; main()"
        return self._launch(site, (self.find(), "-W", "ignore", "-c", program, "-H", site.host, "-p", str(site.port)))

    async def is_up(self, site: Site) -> bool:
        return (await get(site, "/moto-api/")).status == 200
