"""Reads a manifest: every problem is told at once, and nothing of a broken one is used."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from botserver_containers.decisions.names import RULE, is_name
from botserver_containers.errors import ManifestError
from botserver_containers.manifests.images import parse_image
from botserver_containers.manifests.manifest import CheckType, HealthCheck, Manifest, Port, Resources, Security, Volume
from botserver_containers.manifests.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

APP_KEYS = (
    "id", "name", "version", "description", "license", "icon", "instructions", "container", "dependencies", "resources",
    "security", "ports", "volumes", "environment", "secret_env", "generated_secrets", "hooks", "health_check",
)  # fmt: skip
CONTAINER_KEYS = ("image", "pull_policy", "network", "derived_env", "command")

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_VARIABLE_RULE = "is no name of a variable. Use letters, digits and underscores."
_NETWORK = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_CAPABILITY = re.compile(r"[A-Z_]{3,30}")
_USER = re.compile(r"[a-z0-9_-]{1,32}(?::[a-z0-9_-]{1,32})?")
_MEMORY = re.compile(r"([0-9]{1,12})([kmg]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_TEMPLATE = re.compile(r"\$\{([^}]*)\}")
#: The facts of a host that a template of `derived_env` may speak of.
FACTS = ("HOST_IP", "HOST_MDNS", "DISK_GB", "BITCOIN_HOST")
#: Networks that Podman has; any other name is a network of our own.
BUILT_IN_NETWORKS = ("bridge", "none", "host")


def parse_manifest(document: object) -> Manifest:
    """The manifest of a document, with or without `app` around it, or `ManifestError` with every problem."""
    reader = Reader()
    manifest = _read(reader, document)
    if reader.problems:
        raise ManifestError(*reader.problems)
    return manifest


def _read(reader: Reader, document: object) -> Manifest:
    inner = document
    if isinstance(document, dict) and isinstance(document.get("app"), dict):
        reader.table(document, "The manifest", ["app"])
        inner = document["app"]
    app = reader.table(inner, "app", APP_KEYS)
    container = reader.table(app.get("container"), "app.container", CONTAINER_KEYS)
    hooks = reader.table(app.get("hooks"), "app.hooks", ["post_install"])
    name = reader.text(app, "id", "app", longest=64)
    if not is_name(name):
        reader.problem("app.id", f"cannot be the name of an app. {RULE}")
    image = parse_image(reader.text(container, "image", "app.container", longest=512))
    if image is None:
        reader.problem(
            "app.container.image", "is no reference to an image. Write it like docker.io/library/nginx:1.27."
        )
    ports = _read_ports(reader, app)
    return Manifest(
        id=name,
        image=str(image),
        **{
            key: reader.text(app, key, "app")
            for key in ("name", "version", "description", "license", "icon", "instructions")
        },
        pull_policy=reader.choice(container, "pull_policy", "app.container", ("missing", "always", "never"), "missing"),
        network=_read_network(reader, container, ports),
        command=reader.texts(container, "command", "app.container", lambda text: len(text) <= 4096, "must be a text."),
        derived_env=_read_derived(reader, container),
        dependencies=_read_dependencies(reader, app, name),
        resources=_read_resources(reader, app.get("resources")),
        security=_read_security(reader, app.get("security")),
        ports=ports,
        volumes=_read_volumes(reader, app),
        environment=reader.mapping(app, "environment", "app", _is_variable, _VARIABLE_RULE),
        secret_env=_read_secrets(reader, app),
        generated_secrets=reader.texts(app, "generated_secrets", "app", _is_variable, _VARIABLE_RULE),
        post_install=_read_commands(reader, hooks),
        health_check=_read_health_check(reader, app.get("health_check"), ports),
    )


def _is_variable(text: str) -> bool:
    return _VARIABLE.fullmatch(text) is not None


def _read_network(reader: Reader, container: Mapping[str, Any], ports: tuple[Port, ...]) -> str:
    network = reader.text(dict(container), "network", "app.container", "bridge", longest=41)
    if not _NETWORK.fullmatch(network):
        reader.problem("app.container.network", "is no name of a network. Use bridge, none, host, or small letters.")
    if network in {"none", "host"} and ports:
        reader.problem("app.ports", f"cannot be offered with the network {network}. Leave one of the two out.")
    return network


def _read_derived(reader: Reader, container: dict[str, Any]) -> dict[str, str]:
    derived = reader.mapping(container, "derived_env", "app.container", _is_variable, _VARIABLE_RULE)
    for name, template in derived.items():
        for fact in _TEMPLATE.findall(template):
            if fact not in FACTS:
                path = f"app.container.derived_env.{name}"
                reader.problem(path, f"speaks of {fact[:40]!a}, which nobody knows. Known are {', '.join(FACTS)}.")
    return derived


def _read_dependencies(reader: Reader, app: dict[str, Any], name: str) -> tuple[str, ...]:
    found = reader.texts(app, "dependencies", "app", is_name, f"cannot be the name of an app. {RULE}")
    if name in found:
        reader.problem("app.dependencies", "names the app itself.")
    return tuple(dict.fromkeys(found))


def _read_resources(reader: Reader, value: object) -> Resources:
    path = "app.resources"
    table = reader.table(value, path, ["memory", "cpus", "pids"])
    memory = table.get("memory")
    if isinstance(memory, str) and (found := _MEMORY.fullmatch(memory)):
        memory = int(found[1]) * _UNITS[found[2].lower()]
    if memory is not None and (type(memory) is not int or not 4 * 1024**2 <= memory <= 2**44):
        reader.problem(f"{path}.memory", "must be a size from 4m up, such as 256m or 1g.")
        memory = None
    cpus = reader.number(table, "cpus", path, 0.01, 1024, None)
    return Resources(memory, cpus, reader.whole(table, "pids", path, 1, 1_000_000, Resources.pids))


def _read_security(reader: Reader, value: object) -> Security:
    path = "app.security"
    table = reader.table(value, path, ["capabilities", "read_only_root", "user"])
    user = reader.text(table, "user", path) or None
    if user is not None and not _USER.fullmatch(user):
        reader.problem(f"{path}.user", "must be a user or USER:GROUP.")
    capabilities = reader.texts(
        table,
        "capabilities",
        path,
        lambda text: _CAPABILITY.fullmatch(text) is not None and text not in {"ALL", "CAP_ALL"},
        "must be the name of one capability, such as NET_BIND_SERVICE.",
    )
    return Security(capabilities, reader.flag(table, "read_only_root", path, default=False), user)


def _read_ports(reader: Reader, app: dict[str, Any]) -> tuple[Port, ...]:
    ports: dict[tuple[str, int], Port] = {}
    for path, item in reader.items(app, "ports", "app"):
        table = reader.table(item, path, ["host", "container", "protocol", "bind", "auth"])
        port = Port(
            reader.whole(table, "host", path, 1, 65535, 0),
            reader.whole(table, "container", path, 1, 65535, 0),
            reader.choice(table, "protocol", path, ("tcp", "udp"), "tcp"),
            reader.text(table, "bind", path, "127.0.0.1", longest=45),
            reader.choice(table, "auth", path, ("open", "gated", "local", "none", "session"), "local"),
        )
        address = _address(port.bind)
        if address is None:
            reader.problem(f"{path}.bind", "must be an IP address of this machine.")
        elif port.auth == "local" and not address.is_loopback:
            reader.problem(
                f"{path}.bind", "must be 127.0.0.1 while auth is local. Say auth: open to offer it to others."
            )
        if ports.setdefault((port.protocol, port.host), port) is not port:
            reader.problem(f"{path}.host", f"{port.host}/{port.protocol} is there twice.")
    return tuple(ports.values())


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _read_volumes(reader: Reader, app: dict[str, Any]) -> tuple[Volume, ...]:
    volumes: dict[str, Volume] = {}
    for path, item in reader.items(app, "volumes", "app"):
        table = reader.table(item, path, ["name", "target", "read_only"])
        volume = Volume(
            reader.text(table, "name", path, longest=64),
            reader.text(table, "target", path, longest=1024),
            reader.flag(table, "read_only", path, default=False),
        )
        if not is_name(volume.name):
            reader.problem(f"{path}.name", f"cannot be the name of a volume. {RULE}")
        if not _is_target(volume.target):
            reader.problem(f"{path}.target", "must be an absolute path below /, without .. and without : or , in it.")
        if volumes.setdefault(volume.name, volume) is not volume:
            reader.problem(f"{path}.name", "is there twice.")
    return tuple(volumes.values())


def _is_target(path: str) -> bool:
    parts = path.split("/")
    plain = path.isprintable() and not set(path) & set(":,\"'")
    return plain and path.startswith("/") and len(path) > 1 and ".." not in parts


def _read_secrets(reader: Reader, app: dict[str, Any]) -> dict[str, str]:
    secrets = reader.mapping(app, "secret_env", "app", _is_variable, _VARIABLE_RULE)
    for name, reference in secrets.items():
        if not reference.startswith(("env:", "file:/")):
            reader.problem(f"app.secret_env.{name}", "must be a reference: env:NAME or file:/PATH, never the secret.")
    return secrets


def _read_commands(reader: Reader, hooks: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    rule = 'must be a list of words, such as ["/bin/app", "migrate"].'
    found = []
    for path, item in reader.items(hooks, "post_install", "app.hooks"):
        if isinstance(item, list) and item and all(isinstance(word, str) and "\0" not in word for word in item):
            found.append(tuple(item))
        else:
            reader.problem(path, rule)
    return tuple(found)


def _read_health_check(reader: Reader, value: object, ports: tuple[Port, ...]) -> HealthCheck | None:
    if value is None:
        return None
    path = "app.health_check"
    keys = ["type", "endpoint", "path", "command", "interval", "timeout", "retries"]
    table = reader.table(value, path, keys)
    kinds: tuple[CheckType, ...] = ("http", "tcp", "exec")
    kind = reader.choice(table, "type", path, kinds, "tcp")
    command = reader.texts(table, "command", path, bool, "must be a text.")
    if kind == "exec" and not command:
        reader.problem(f"{path}.command", "must be the words of the program that checks.")
    check = HealthCheck(
        kind,
        _read_endpoint(reader, table, kind, ports),
        reader.text(table, "path", path, "/", longest=1024),
        command,
        reader.number(table, "interval", path, 0.1, 86_400, HealthCheck.interval),
        reader.number(table, "timeout", path, 0.1, 600, HealthCheck.timeout),
        reader.whole(table, "retries", path, 1, 100, HealthCheck.retries),
    )
    if not check.path.startswith("/") or not check.path.isascii() or not check.path.isprintable() or " " in check.path:
        reader.problem(f"{path}.path", "must be the path of a URL, beginning with /.")
    return check


def _read_endpoint(reader: Reader, table: dict[str, Any], kind: str, ports: tuple[Port, ...]) -> str:
    path = "app.health_check.endpoint"
    if kind == "exec":
        return ""
    endpoint = reader.text(table, "endpoint", "app.health_check", longest=64)
    if not endpoint:
        tcp = [port for port in ports if port.protocol == "tcp"]
        if not tcp:
            reader.problem(path, "is missing, and no port is offered that could be asked.")
            return ""
        return f"127.0.0.1:{tcp[0].host}"
    host, _, port = endpoint.rpartition(":")
    if host not in {"127.0.0.1", "localhost"} or not port.isdecimal() or not 0 < int(port) < 65536:
        reader.problem(path, "must be 127.0.0.1:PORT: only ports of this machine are asked.")
    return endpoint
