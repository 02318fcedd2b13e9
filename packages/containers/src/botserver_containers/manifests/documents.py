"""Manifests as documents: YAML of people, JSON of ours."""

from __future__ import annotations

from dataclasses import asdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botserver_containers.errors import ManifestError

if TYPE_CHECKING:
    from botserver_containers.manifests.manifest import Document, Manifest

#: No manifest is larger, in bytes.
LARGEST = 256 * 1024


def read_yaml(text: str) -> object:
    """The document of a YAML text: version 1.2, safe types only, no key twice."""
    from ruamel.yaml import YAML  # 60 ms that only reading needs
    from ruamel.yaml.error import YAMLError

    if len(text.encode()) > LARGEST:
        raise ManifestError(f"The manifest is larger than {LARGEST} bytes.")
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or type(error).__name__
        raise ManifestError(f"The manifest is no YAML{where}: {what}.") from None


def to_document(manifest: Manifest) -> Document:
    """The document that `parse_manifest` reads back as the same manifest."""
    app: dict[str, Any] = asdict(manifest)
    container = {key: app.pop(key) for key in ("image", "pull_policy", "network", "derived_env", "command")}
    hooks = {"post_install": app.pop("post_install")}
    document: Document = _plain({"app": {**app, "container": container, "hooks": hooks}})
    return document


def fingerprint(text: str) -> str:
    """Tells two ways of creating a container apart."""
    return sha256(text.encode()).hexdigest()[:32]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None and item != ()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
