"""The first page: what is installed here, for people and for programs."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from botserver_core.health import check_services

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botserver_core.health import Health
    from botstate import AppState, Service

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>botserver</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid }}
</style>
</head>
<body>
<main>
<h1>botserver</h1>
<table>
<thead><tr><th scope="col">Service</th><th scope="col">What it does</th><th scope="col">Paths</th>
<th scope="col">State</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<p><a href="/docs">The API</a> · <a href="/health">Health</a></p>
</main>
</body>
</html>
"""


def create_index_router(state: AppState, services: Sequence[Service]) -> APIRouter:
    """`/`: HTML for a browser, JSON for everybody else."""
    router = APIRouter(tags=["index"])

    @router.get("/", summary="What is installed here", response_class=JSONResponse)
    async def index(request: Request) -> Response:
        found = await check_services(state, services)
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_render(services, found), headers={"Vary": "Accept"})
        return JSONResponse(_describe(services, found), headers={"Vary": "Accept"})

    return router


def _describe(services: Sequence[Service], found: Sequence[Health]) -> dict[str, list[dict[str, object]]]:
    pairs = zip(services, found, strict=True)
    return {
        "services": [
            {
                "name": service.name,
                "summary": service.summary,
                "paths": list(service.paths),
                "ready": health.ready,
                "trouble": health.trouble,
            }
            for service, health in pairs
        ]
    }


def _render(services: Sequence[Service], found: Sequence[Health]) -> str:
    rows = (
        "<tr>"
        f'<th scope="row">{escape(service.name)}</th>'
        f"<td>{escape(service.summary)}</td>"
        f"<td>{'<br>'.join(escape(path) for path in service.paths)}</td>"
        f"<td>{escape(health.trouble) or 'ready'}</td>"
        "</tr>"
        for service, health in zip(services, found, strict=True)
    )
    return _PAGE.format(rows="\n".join(rows))
