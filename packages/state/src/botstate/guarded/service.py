"""The service that opens the guarded HTTP client."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botstate.foundation import CLOCK
from botstate.http import HTTP, Http, HttpSettings
from botstate.service import Provider, Service
from botstate.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botstate.state import AppState


@asynccontextmanager
async def _open_http(state: AppState) -> AsyncIterator[Http]:
    from botstate.guarded.client import open_http  # httpx2 takes a tenth of a second that only its users need

    async with open_http(state.settings.part(HttpSettings), state.require(CLOCK)) as http:
        yield http


#: Provides the guarded HTTP client to the services that require it.
http_service: Service = Service(
    name="http",
    summary="Sends requests to public addresses.",
    provides=(Provider(HTTP, _open_http),),
    requires=(SETTINGS, CLOCK),
    settings=HttpSettings,
)
