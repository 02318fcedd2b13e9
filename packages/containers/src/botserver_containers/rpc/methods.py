"""The table of methods. Each is written once; the hyphenated spelling of its name is the same method."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botserver_containers.decisions.observation import Health
from botserver_containers.errors import ManifestError, NotOfferedError, ParametersError
from botserver_containers.manifests.documents import read_yaml
from botserver_containers.rpc import parameters as read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botserver_containers.decisions.phases import Phase
    from botserver_containers.orchestrator.app import App
    from botserver_containers.orchestrator.orchestrator import Orchestrator
    from botserver_containers.rpc.sessions import Sessions

    Parameters = dict[str, Any]
    Result = Any


@dataclass
class Call:
    """One call. A method may set cookies of the answer; None removes one."""

    orchestrator: Orchestrator
    sessions: Sessions
    session: str = ""
    cookies: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """`public` needs no session; one that only `reads` changes nothing."""

    name: str
    run: Callable[[Call, Parameters], Awaitable[Result]]
    public: bool = False
    reads: bool = False


def spellings(name: str) -> tuple[str, str]:
    """Both names of a method: `container.list` is `container-list` too."""
    return name, name.replace(".", "-")


async def list_containers(call: Call, parameters: Parameters) -> Result:
    read.read_nothing(parameters)
    return {"containers": [_container(app) for _, app in sorted(call.orchestrator.node.apps.items())]}


async def container_health(call: Call, parameters: Parameters) -> Result:
    name = read.read_optional_name(parameters)
    apps = call.orchestrator.node.apps
    if name is None:
        return {app.name: str(app.health) for _, app in sorted(apps.items())}
    app = call.orchestrator.node.app(name)
    up = app.observe().up
    return {"healthy": up and app.health in {Health.HEALTHY, Health.UNKNOWN}, "health": str(app.health)}


async def container_status(call: Call, parameters: Parameters) -> Result:
    app = call.orchestrator.node.app(read.read_name(parameters))
    return {"status": str(app.phase), **app.entry()}


async def container_logs(call: Call, parameters: Parameters) -> Result:
    name, lines = read.read_log_request(parameters)
    return {"logs": await call.orchestrator.logs(name, lines)}


async def install_container(call: Call, parameters: Parameters) -> Result:
    from botserver_containers.manifests.parsing import parse_manifest

    wish = read.read_container_wish(parameters)
    manifest = parse_manifest(_written(call, wish.path)) if wish.path else read.build_manifest(wish, None)
    phase = await call.orchestrator.install(manifest)
    return {**_begun(manifest.id, phase), "container_id": manifest.id}


async def install_package(call: Call, parameters: Parameters) -> Result:
    wish = read.read_wish(parameters)
    manifest = read.build_manifest(wish, _catalogued(call, wish.name))
    return _begun(wish.name, await call.orchestrator.install(manifest))


async def update_package(call: Call, parameters: Parameters) -> Result:
    from botserver_containers.manifests.documents import to_document

    wish = read.read_wish(parameters)
    document = _catalogued(call, wish.name) or to_document(call.orchestrator.node.app(wish.name).manifest)
    return _begun(wish.name, await call.orchestrator.update(read.build_manifest(wish, document)))


async def sideload_package(call: Call, parameters: Parameters) -> Result:
    from botserver_containers.manifests.parsing import parse_manifest

    manifest = parse_manifest(read_yaml(read.read_text(parameters, "manifest", longest=256 * 1024)))
    return _begun(manifest.id, await call.orchestrator.install(manifest))


async def start(call: Call, parameters: Parameters) -> Result:
    name = read.read_name(parameters)
    return _begun(name, await call.orchestrator.start(name))


async def stop(call: Call, parameters: Parameters) -> Result:
    name = read.read_name(parameters)
    return _begun(name, await call.orchestrator.stop(name))


async def restart(call: Call, parameters: Parameters) -> Result:
    name = read.read_name(parameters)
    return _begun(name, await call.orchestrator.restart(name))


async def uninstall(call: Call, parameters: Parameters) -> Result:
    name, preserve_data = read.read_removal(parameters)
    return _begun(name, await call.orchestrator.uninstall(name, preserve_data=preserve_data))


async def reconcile(call: Call, parameters: Parameters) -> Result:
    read.read_nothing(parameters)
    return {"steps": [step._asdict() for step in await call.orchestrator.reconcile()]}


async def get_state(call: Call, parameters: Parameters) -> Result:
    read.read_nothing(parameters)
    return {"data": call.orchestrator.node.board.whole()}


async def echo(_call: Call, parameters: Parameters) -> Result:
    return {"message": read.read_text(parameters, "message")}


async def server_time(call: Call, parameters: Parameters) -> Result:
    read.read_nothing(parameters)
    return {"now": call.orchestrator.node.clock.now().isoformat()}


async def metrics(call: Call, parameters: Parameters) -> Result:
    read.read_nothing(parameters)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    load = os.getloadavg()
    return {
        "apps": len(call.orchestrator.node.apps),
        "cpu-seconds": usage.ru_utime + usage.ru_stime,
        "memory-peak-bytes": usage.ru_maxrss * 1024,
        "load": list(load),
    }


async def set_server_name(call: Call, parameters: Parameters) -> Result:
    name = read.read_text(parameters, "name", longest=64)
    if not name.strip() or not name.isprintable():
        raise ParametersError("params.name must be a text that can be shown.")
    await call.orchestrator.name_server(name)
    return {"ok": True}


async def health(call: Call, parameters: Parameters) -> Result:
    read.read_nothing(parameters)
    await call.orchestrator.check()
    return {"status": "ok", "recovered": call.orchestrator.node.recovered}


async def dismiss(call: Call, parameters: Parameters) -> Result:
    return {"ok": call.orchestrator.node.notices.dismiss(read.read_text(parameters, "id"))}


async def log_in(call: Call, parameters: Parameters) -> Result:
    from botserver_containers.rpc.sessions import CSRF_COOKIE, SESSION_COOKIE

    session, token = call.sessions.log_in(read.read_text(parameters, "password"))
    call.cookies |= {SESSION_COOKIE: session, CSRF_COOKIE: token}
    return {"ok": True, "totp_required": False}


async def log_out(call: Call, parameters: Parameters) -> Result:
    from botserver_containers.rpc.sessions import CSRF_COOKIE, SESSION_COOKIE

    read.read_nothing(parameters)
    call.sessions.log_out(call.session)
    call.cookies |= {SESSION_COOKIE: None, CSRF_COOKIE: None}
    return {"ok": True}


async def is_onboarded(_call: Call, parameters: Parameters) -> Result:
    read.read_nothing(parameters)
    return {"complete": True}


async def totp_status(_call: Call, parameters: Parameters) -> Result:
    read.read_nothing(parameters)
    return {"enabled": False}


def _not_offered(remedy: str) -> Callable[[Call, Parameters], Awaitable[Result]]:
    async def refuse(_call: Call, _parameters: Parameters) -> Result:
        raise NotOfferedError("This server does not offer that.", remedy=remedy)

    return refuse


_BY_OPERATOR = _not_offered("Whoever runs the service does that on its machine; its apps run on meanwhile.")
_BY_SETTINGS = _not_offered("The password is the setting containers.password.")
_NO_TOTP = _not_offered("The password is all that is asked for: call auth.login.")

METHODS: tuple[Method, ...] = (
    Method("container.list", list_containers, reads=True),
    Method("container.health", container_health, reads=True),
    Method("container.status", container_status, reads=True),
    Method("container.logs", container_logs, reads=True),
    Method("container.install", install_container),
    Method("container.start", start),
    Method("container.stop", stop),
    Method("container.restart", restart),
    Method("container.remove", uninstall),
    Method("container.reconcile", reconcile),
    Method("package.install", install_package),
    Method("package.sideload", sideload_package),
    Method("package.update", update_package),
    Method("package.start", start),
    Method("package.stop", stop),
    Method("package.restart", restart),
    Method("package.uninstall", uninstall),
    Method("server.get-state", get_state, reads=True),
    Method("server.echo", echo, reads=True),
    Method("server.time", server_time, reads=True),
    Method("server.metrics", metrics, reads=True),
    Method("server.set-name", set_server_name),
    Method("server.update", _BY_OPERATOR),
    Method("server.restart", _BY_OPERATOR),
    Method("server.shutdown", _BY_OPERATOR),
    Method("marketplace.get", _not_offered("Manifests are files in the folder of containers.manifests."), reads=True),
    Method("notification.dismiss", dismiss),
    Method("health", health, public=True, reads=True),
    Method("auth.login", log_in, public=True),
    Method("auth.logout", log_out),
    Method("auth.changePassword", _BY_SETTINGS),
    Method("auth.isOnboardingComplete", is_onboarded, public=True, reads=True),
    Method("auth.onboardingComplete", _BY_SETTINGS),
    Method("auth.resetOnboarding", _BY_SETTINGS),
    Method("auth.login.totp", _NO_TOTP, public=True),
    Method("auth.login.backup", _NO_TOTP, public=True),
    Method("auth.totp.status", totp_status, reads=True),
    Method("auth.totp.setup.begin", _NO_TOTP),
    Method("auth.totp.confirm", _NO_TOTP),
    Method("auth.totp.disable", _NO_TOTP),
)
BY_NAME = {spelling: method for method in METHODS for spelling in spellings(method.name)}


def _begun(name: str, phase: Phase) -> Result:
    return {"ok": True, "package_id": name, "status": str(phase)}


def _container(app: App) -> Result:
    row = app.row
    return {
        "id": row.id if row is not None else "",
        "name": app.name,
        "image": app.manifest.image,
        "state": str(app.phase),
        "health": str(app.health),
        "exit_code": row.exit_code if row is not None else 0,
        "restarts": app.restarts,
    }


def _catalogued(call: Call, name: str) -> object:
    folder = call.orchestrator.node.settings.manifests
    # The name was checked: it holds no separator and is not a step to another folder.
    return _read_manifest(os.path.join(folder, f"{name}.yml"), name) if folder else None


def _written(call: Call, path: str) -> object:
    """The manifest at a path below the folder of manifests, and nowhere else."""
    folder = os.path.realpath(call.orchestrator.node.settings.manifests or os.devnull)
    place = os.path.realpath(os.path.join(folder, path))
    document = _read_manifest(place, path) if place.startswith(folder + os.sep) else None
    if document is None:
        raise ManifestError(f"There is no manifest {path[:64]!a} in the folder of containers.manifests.")
    return document


def _read_manifest(path: str, name: str) -> object:
    try:
        with open(path, encoding="utf-8") as file:
            return read_yaml(file.read())
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except ValueError:
        raise ManifestError(f"The manifest {name[:64]!a} is no text in UTF-8.") from None
