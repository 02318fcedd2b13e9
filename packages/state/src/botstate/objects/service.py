"""The service that opens the store of objects: a folder, or a bucket of any S3."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from botlib import Secret
from botstate.extras import needs_extra
from botstate.folder import DATA_FOLDER
from botstate.foundation import RANDOMNESS
from botstate.objects.protocol import OBJECTS, Objects
from botstate.secrets import SECRETS, resolve
from botstate.service import Provider, Service
from botstate.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botstate.state import AppState


@dataclass(frozen=True)
class ObjectsSettings:
    """The part `objects`. With `bucket` they live in S3, and without one in `folder`, below the data folder.

    Their keys in the bucket begin with `prefix`. `endpoint` is the URL of a server that is not Amazon's. Without
    `access_key` and `secret_key` (or a reference to it) the machine's own credentials for S3 are taken. A request may
    take `timeout` seconds, and so may each silence within a transfer.
    """

    folder: Path = Path("objects")
    bucket: str = ""
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: Secret = field(default_factory=lambda: Secret(""))
    timeout: float = 30.0

    def __post_init__(self) -> None:
        if self.timeout <= 0:
            raise ValueError("timeout is a number of seconds, more than 0.")
        if bool(self.access_key) != bool(self.secret_key):
            raise ValueError("access_key and secret_key come together.")
        if self.endpoint and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError("endpoint is a URL such as https://s3.example.org.")


@asynccontextmanager
async def _open(state: AppState) -> AsyncIterator[Objects]:
    settings = state.settings.part(ObjectsSettings)
    if settings.bucket:
        with needs_extra("s3", "objects.bucket"):
            from botstate.objects.s3 import open_s3_objects
        yield open_s3_objects(settings, await resolve(settings.secret_key, state.secrets))
        return
    from botstate.objects.local import open_local_objects

    path = state.require(DATA_FOLDER).place(settings.folder)
    async with open_local_objects(str(path), state.require(RANDOMNESS)) as objects:
        yield objects


async def _check(state: AppState) -> None:
    await state.require(OBJECTS).list(limit=1)


#: Provides the store of objects to the services that require it.
objects_service: Service = Service(
    name="objects",
    summary="Keeps whole files.",
    provides=(Provider(OBJECTS, _open),),
    requires=(SETTINGS, SECRETS, DATA_FOLDER, RANDOMNESS),
    settings=ObjectsSettings,
    check=_check,
)
