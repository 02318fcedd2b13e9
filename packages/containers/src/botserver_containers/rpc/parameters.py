"""What the methods take. Pure: objects of strangers in, values out, or every problem at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botserver_containers.decisions.names import RULE, is_name
from botserver_containers.errors import ManifestError, ParametersError
from botserver_containers.manifests.images import parse_image
from botserver_containers.manifests.parsing import CONTAINER_KEYS, parse_manifest
from botserver_containers.manifests.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from botserver_containers.manifests.manifest import Manifest

T = TypeVar("T")

#: Lines of a log that are given when nobody says how many, and the most that are.
LINES = 100
MOST_LINES = 10_000


class Wish(NamedTuple):
    """What is to be installed: a name of the catalogue with what differs from its manifest, or the path of one."""

    name: str
    image: str = ""
    version: str = ""
    configuration: dict[str, Any] | None = None
    path: str = ""


def read_nothing(parameters: dict[str, Any]) -> None:
    """No parameter at all."""
    _read(parameters, [], lambda _reader, _table: None)


def read_name(parameters: dict[str, Any]) -> str:
    """The id of an app."""
    return _read(parameters, ["id"], _name)


def read_optional_name(parameters: dict[str, Any]) -> str | None:
    """The same, if there is one."""
    return _read(parameters, ["id"], lambda reader, table: _name(reader, table) if "id" in table else None)


def read_log_request(parameters: dict[str, Any]) -> tuple[str, int]:
    """Whose log, and how many lines of it."""

    def read(reader: Reader, table: dict[str, Any]) -> tuple[str, int]:
        return _name(reader, table), reader.whole(table, "lines", "params", 1, MOST_LINES, LINES)

    return _read(parameters, ["id", "lines"], read)


def read_removal(parameters: dict[str, Any]) -> tuple[str, bool]:
    """What to remove, and whether its data stays."""

    def read(reader: Reader, table: dict[str, Any]) -> tuple[str, bool]:
        return _name(reader, table), reader.flag(table, "preserve_data", "params", default=False)

    return _read(parameters, ["id", "preserve_data"], read)


def read_text(parameters: dict[str, Any], key: str, *, longest: int = 1024) -> str:
    """One text that has to be there."""

    def read(reader: Reader, table: dict[str, Any]) -> str:
        if key not in table:
            reader.problem(f"params.{key}", "is missing.")
        return reader.text(table, key, "params", longest=longest)

    return _read(parameters, [key], read)


def read_wish(parameters: dict[str, Any]) -> Wish:
    """What `package.install` and `package.update` take. `url` may say where an app is described; nothing reads it."""

    def read(reader: Reader, table: dict[str, Any]) -> Wish:
        configuration = table.get("containerConfig")
        if configuration is not None and not isinstance(configuration, dict):
            reader.problem("params.containerConfig", "must be an object.")
            configuration = None
        reader.text(table, "url", "params")
        return Wish(
            _name(reader, table),
            reader.text(table, "dockerImage", "params", longest=512),
            reader.text(table, "version", "params", longest=128),
            configuration,
        )

    return _read(parameters, ["id", "dockerImage", "url", "version", "containerConfig"], read)


def read_container_wish(parameters: dict[str, Any]) -> Wish:
    """What `container.install` takes: an image, and a name that is made from it when there is none; or a path."""

    def read(reader: Reader, table: dict[str, Any]) -> Wish:
        if "manifest_path" in table:
            for key in {"image", "name"} & table.keys():
                reader.problem(f"params.{key}", "cannot stand beside manifest_path.")
            path = reader.text(table, "manifest_path", "params", longest=512)
            if not path:
                reader.problem("params.manifest_path", "must be the path of a manifest.")
            return Wish("", path=path)
        text = reader.text(table, "image", "params", longest=512)
        image = parse_image(text)
        if image is None:
            reader.problem("params.image", "is no reference to an image. Write it like docker.io/library/nginx:1.27.")
        name = reader.text(table, "name", "params", image.repository.rpartition("/")[2] if image else "app")
        if not is_name(name):
            reader.problem("params.name", f"cannot be the name of an app. {RULE}")
        return Wish(name, text)

    return _read(parameters, ["image", "name", "manifest_path"], read)


def build_manifest(wish: Wish, catalogued: object) -> Manifest:
    """The manifest of a wish, over the document of the catalogue if there is one. `ManifestError` tells all."""
    app: dict[str, Any] = {"id": wish.name}
    if isinstance(catalogued, dict):
        inner = catalogued.get("app", catalogued)
        app |= dict(inner) if isinstance(inner, dict) else {}
    container = dict(app["container"]) if isinstance(app.get("container"), dict) else {}
    app["container"] = container
    for key, value in (wish.configuration or {}).items():
        (container if key in CONTAINER_KEYS else app)[key] = value
    if wish.image:
        container["image"] = wish.image
    if wish.version:
        app["version"] = wish.version
        container["image"] = _with_tag(str(container.get("image", "")), wish.version, named=bool(wish.image))
    if "image" not in container:
        raise ManifestError(f"No manifest named {wish.name} is known here, and dockerImage names no image.")
    if app.get("id") != wish.name:
        raise ManifestError(f"The manifest of {wish.name} has another id.")
    return parse_manifest({"app": app})


def _with_tag(reference: str, version: str, *, named: bool) -> str:
    image = parse_image(reference)
    if named or image is None or image.digest:
        return reference
    return f"{image.place}:{version}"


def _name(reader: Reader, table: dict[str, Any]) -> str:
    name = table.get("id")
    if not isinstance(name, str) or not is_name(name):
        reader.problem("params.id", f"must be the name of an app. {RULE}")
        return ""
    return name


def _read(parameters: dict[str, Any], known: Iterable[str], read: Callable[[Reader, dict[str, Any]], T]) -> T:
    reader = Reader()
    value = read(reader, reader.table(parameters, "params", known))
    if reader.problems:
        raise ParametersError(*reader.problems)
    return value
