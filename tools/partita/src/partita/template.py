"""Templates of members: folders of files with placeholders, told apart by what is in them.

A kind of member is a subfolder, with a `pyproject.toml`, of the repository's own template folder or of Partita's.
`{{ name }}` and the other placeholders stand in contents and in paths; a file name may end in ``.template`` so that
linters and test runners leave the file alone, and loses that ending. The optional `template.toml` beside the files
says where such members go, and which files are more than a first draft.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from partita.errors import PartitaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SETTINGS_FILE = "template.toml"
SUFFIX = ".template"
#: Where contents of earlier versions are kept, below the folder that holds the kinds.
VERSIONS_FOLDER = ".versions"

#: Settings that a kind may give, and `[scaffold]` of the configuration for all kinds that do not.
PLACES = ("folder", "distribution", "import", "tier", "application")
_LISTS = ("kept", "verbatim")
_PLACEHOLDER = re.compile(r"\{\{([^{}\n]*)\}\}")
_BUILT_IN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
_LEFT_OUT = frozenset({"__pycache__", ".DS_Store"})


class File(NamedTuple):
    """One file of a template. In a verbatim one, placeholders mean nothing."""

    path: str
    content: bytes
    executable: bool
    verbatim: bool


class Template(NamedTuple):
    """What members of a kind are made from. `place` is where it stands, as people are told.

    `kept` are the paths (globs, with placeholders) of files that every member keeps as the template makes them.
    """

    kind: str
    place: str
    files: tuple[File, ...]
    settings: Mapping[str, str]
    kept: tuple[str, ...]

    @property
    def version(self) -> str:
        """Tells contents apart: the same files, whatever the clone, give the same 16 letters."""
        state = hashlib.sha256()
        for path, content, executable, verbatim in self.files:
            state.update(f"{path}\0{executable:d}{verbatim:d}\0{len(content)}\0".encode() + content)
        return state.hexdigest()[:16]


def find_kinds(root: str, templates: str) -> dict[str, str]:
    """Kind -> folder: those of the repository's folder `templates` (may be empty), and Partita's where it has none."""
    kinds: dict[str, str] = {}
    for home in (_BUILT_IN, os.path.join(root, templates) if templates else ""):
        if not home:
            continue
        try:
            names = sorted(os.listdir(home))
        except OSError as error:
            raise PartitaError(f"workspace.toml: [scaffold] templates {templates!r}: {error.strerror}") from error
        for name in names:
            manifest = os.path.join(home, name, "pyproject.toml")
            if os.path.isfile(manifest) or os.path.isfile(manifest + SUFFIX):
                kinds[name] = os.path.join(home, name)
    return kinds


def read_template(root: str, kind: str, folder: str) -> Template:
    """Read a kind from its folder. Raises PartitaError with everything that is wrong with it."""
    inside = folder.startswith(root + os.sep)
    place = os.path.relpath(folder, root) if inside else f"Partita's template {kind!r}"
    settings, kept, verbatim = _read_settings(folder, place)
    files = tuple(
        File(path, _read(os.path.join(folder, path), f"{place}/{path}"), executable, _matches(path, verbatim))
        for path, executable in sorted(_walk(folder, place))
    )
    return Template(kind, place, files, settings, kept)


def render_template(template: Template, values: Mapping[str, str]) -> dict[str, File]:
    """Files by the path they get in the member's folder, with every placeholder replaced.

    Raises PartitaError with the file and line of each placeholder that is none of `values`.
    """
    problems: list[str] = []
    rendered: dict[str, File] = {}
    for file in template.files:
        place = f"{template.place}/{file.path}"
        path = _render(file.path, values, place, problems).removesuffix(SUFFIX)
        content = file.content
        if not file.verbatim and b"{{" in content:
            content = _render_content(content, values, place, problems)
        if path in rendered:
            problems.append(f"{place}: two files of this template become {path}")
        rendered[path] = file._replace(path=path, content=content)
    if problems:
        raise PartitaError(*problems)
    return rendered


def is_kept(template: Template, path: str, values: Mapping[str, str]) -> bool:
    """Whether members keep the file of this rendered path as the template makes it."""
    return _matches(path, [_render(pattern, values, template.place, []) for pattern in template.kept])


def store_version(template: Template) -> tuple[str, bytes]:
    """The file name and content under which this version can be found again when the template has moved on."""
    files = [
        {"path": path, "executable": executable, "verbatim": verbatim, **_plain(content)}
        for path, content, executable, verbatim in template.files
    ]
    document = {"schema": 1, "kind": template.kind, "version": template.version, "files": files}
    return version_name(template.kind, template.version), (json.dumps(document, indent=1) + "\n").encode()


def load_version(content: bytes, kind: str, version: str, place: str) -> Template:
    """The template that `store_version` kept. Raises PartitaError when this is not what it says it is."""
    try:
        document = json.loads(content)
        files = tuple(
            File(item["path"], _content(item), bool(item["executable"]), bool(item["verbatim"]))
            for item in document["files"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise PartitaError(f"{place}: not a stored version of a template; restore it from history") from error
    template = Template(kind, place, files, {}, ())
    if template.version != version:
        raise PartitaError(f"{place}: holds version {template.version}, not {version}; restore it from history")
    return template


def version_name(kind: str, version: str) -> str:
    """The name of the file that keeps a version."""
    return f"{kind}-{version}.json"


def _read_settings(folder: str, place: str) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
    import tomli

    path = os.path.join(folder, SETTINGS_FILE)
    if not os.path.lexists(path):
        return {}, (), ()
    place = f"{place}/{SETTINGS_FILE}"
    try:
        document: dict[str, Any] = tomli.loads(_read(path, place).decode())
    except (UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        raise PartitaError(f"{place}: not valid TOML: {error}") from error
    known = ", ".join((*PLACES, *_LISTS))
    problems = [f"{place}: unknown key {key!r}; known: {known}" for key in document if key not in (*PLACES, *_LISTS)]
    problems += [f"{place}: {key} is no text" for key in PLACES if not isinstance(document.get(key, ""), str)]
    problems += [f"{place}: {key} is no list of paths" for key in _LISTS if not _is_list(document.get(key, []))]
    if problems:
        raise PartitaError(*problems)
    kept, verbatim = (tuple(document.get(key, ())) for key in _LISTS)
    return {key: document[key] for key in PLACES if key in document}, kept, verbatim


def _is_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _walk(folder: str, place: str) -> Iterable[tuple[str, bool]]:
    """(path, executable) of every file. Links are refused: what they lead to would not be in the version."""
    problems = []
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        for name in (*folders, *names):
            path = os.path.relpath(os.path.join(here, name), folder)
            if os.path.islink(os.path.join(here, name)):
                problems.append(f"{place}/{path}: a template holds no symbolic links")
            elif name in names and name not in _LEFT_OUT and path != SETTINGS_FILE and not name.endswith(".pyc"):
                yield path, os.access(os.path.join(here, name), os.X_OK)
    if problems:
        raise PartitaError(*problems)


def _read(path: str, place: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise PartitaError(f"{place}: {error.strerror}") from error


def _matches(path: str, patterns: Iterable[str]) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(path, pattern) or fnmatchcase(path.removesuffix(SUFFIX), pattern) for pattern in patterns)


def _render_content(content: bytes, values: Mapping[str, str], place: str, problems: list[str]) -> bytes:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content
    lines = text.split("\n")
    return "\n".join(_render(line, values, f"{place}:{n}", problems) for n, line in enumerate(lines, 1)).encode()


def _render(text: str, values: Mapping[str, str], place: str, problems: list[str]) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name not in values:
            problems.append(
                f"{place}: {match[0]} is no placeholder; known: {', '.join(sorted(values))}; a file in which braces "
                f"mean something else belongs to verbatim in {SETTINGS_FILE}"
            )
        return values.get(name, "")

    return _PLACEHOLDER.sub(replace, text)


def _plain(content: bytes) -> dict[str, str]:
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _content(item: Mapping[str, Any]) -> bytes:
    text = item.get("text")
    return base64.b64decode(item["base64"], validate=True) if text is None else str(text).encode()
