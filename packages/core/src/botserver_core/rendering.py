"""Pages for people: templates of all services on one layout, one stylesheet, and scripts that the page vouches for."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.responses import HTMLResponse

from botserver_core.files import Files
from botserver_core.sharing import shared_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jinja2 import Environment
    from starlette.requests import Request

    from botlib import Randomness
    from botstate import Service

_OWN = "botserver_core"
#: What scripts of pages import from the kit: `import { follow } from "botserver/events.js"`.
_MODULES = ("events.js",)


class Link(NamedTuple):
    """One entry of the navigation."""

    name: str
    path: str


class Pages:
    """The templates and files of these services: one Jinja environment an application.

    Templates are named "package/file": `botserver_mail/index.html` is the file `pages/index.html` of that package.
    """

    def __init__(self, services: Sequence[Service], randomness: Randomness) -> None:
        self._packages = (_OWN, *_packages_of(services))
        self._randomness = randomness
        self._links = tuple(Link(service.name, service.page) for service in services if service.page)

    @cached_property
    def files(self) -> Files:
        """What the pages are made of besides templates."""
        return Files(self._packages)

    @cached_property
    def environment(self) -> Environment:
        """Jinja with autoescape. An unknown name in a template is an error, and not an empty text."""
        from jinja2 import Environment, FunctionLoader, StrictUndefined  # its users wait for it, start-up does not

        environment = Environment(
            loader=FunctionLoader(self._load),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        modules = {f"botserver/{name}": self.files.url_of(f"{_OWN}/{name}") for name in _MODULES}
        environment.globals.update(
            file=self.files.url_of,
            links=self._links,
            # "<" cannot end the script element that this stands in.
            import_map=json.dumps({"imports": modules}).replace("<", "\\u003c"),
        )
        return environment

    def render(self, template: str, path: str, values: dict[str, Any]) -> tuple[str, str]:
        """The page, and the Content-Security-Policy that it needs: its scripts carry a number used once."""
        nonce = b64encode(self._randomness.random_bytes(16)).decode()
        text = self.environment.get_template(template).render(values, path=path, nonce=nonce)
        return text, policy_of_page(nonce)

    def _load(self, name: str) -> str | None:
        package, _, file = name.partition("/")
        if package not in self._packages:
            return None
        template = resources.files(package) / "pages" / file
        return template.read_text(encoding="utf-8") if template.is_file() else None


def render_page(request: Request, template: str, /, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The answer with a page made of a template of a service: `render_page(request, "botserver_mail/index.html", …)`.

    The template extends `botserver_core/layout.html`. Every value is escaped; nothing is kept by the browser.
    """
    text, policy = shared_of(request).pages.render(template, request.url.path, values)
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Vary": "Accept"}
    return HTMLResponse(text, status, headers)


def policy_of_page(nonce: str) -> str:
    """Everything from this server only; scripts and styles within the page need the nonce."""
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'none'; form-action 'self'"
    )


def _packages_of(services: Iterable[Service]) -> tuple[str, ...]:
    # A service's package is where its routes are made; only packages can hold folders.
    names = (service.create_router.__module__ for service in services if service.create_router is not None)
    return tuple(dict.fromkeys(name.partition(".")[0] for name in names if "." in name))
