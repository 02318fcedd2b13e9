"""Which sessions need not run again: those that passed when everything they rest on was as it is now.

Only passes are kept, each under a key of all it rests on. A file here that is damaged counts for nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from partita.cache import cache_folder
from partita.locks import hold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from partita.lock import Lock
    from partita.workspace import Member, Workspace

DURATIONS = "durations.json"

_SCHEMA = 1
_KEPT = 8  # passes a session: branches are changed to and fro
#: The modules that decide what a session does and how it is judged.
_SESSION_CODE = (
    *("cache", "closure", "contents", "distributions", "environments", "errors", "findings", "git"),
    *("graph", "imports", "isolation", "lock", "locks", "manifest", "modules", "needs"),
    *("nesting", "parallel", "probe", "results", "scanning", "sources", "statements", "strings", "syntax"),
    *("tree", "uv", "wellknown", "wheels"),
)


class Basis(NamedTuple):
    """What a session rests on: a plain name of each part, and its digest. `unknown` says why it cannot be told."""

    parts: tuple[tuple[str, str], ...]
    unknown: str = ""

    def key(self) -> str:
        """The same for what would run the same."""
        return hashlib.sha256(repr(sorted(self.parts)).encode()).hexdigest()[:24]


class Pass(NamedTuple):
    """A session that passed: on what, when (UTC, ISO 8601), and how long its tests and all of it took, in seconds."""

    parts: tuple[tuple[str, str], ...]
    time: str
    seconds: float


class Ground:
    """Finds what sessions rest on. Digests are taken once, so one ground serves all sessions of a run."""

    def __init__(self, workspace: Workspace, lock: Lock | None) -> None:
        self.workspace = workspace
        self.lock = lock
        self._members = {member.name: member for member in workspace.members}
        self._sources: dict[str, str] = {}

    def basis(self, member: Member) -> Basis:
        """What the session of this member rests on."""
        from partita.closure import declared_requires, required_members, walk_closure
        from partita.contents import digest_files, test_files
        from partita.environments import circumstances
        from partita.manifest import requirement_name
        from partita.needs import read_test_needs

        if self.lock is None:
            return Basis((), "no lock says which third parties would be installed")
        needs = read_test_needs(self.workspace, member)
        own_extras = {item.group for item in member.requirements if item.kind == "optional"}
        wanted = {member.name: own_extras}
        for name, extras in required_members(needs.requirements, (), self._members):
            wanted.setdefault(name, set()).update(extras)
        closure: list[str] = []
        requires = {name: declared_requires(other) for name, other in self._members.items()}
        walk_closure(self._members, wanted, closure.extend, requires.__getitem__)
        hidden = sorted(name for name in closure if "dependencies" in self._members[name].dynamic)
        if hidden:
            return Basis((), f"{hidden[0]} declares its dependencies dynamic")
        asked = [*needs.requirements, *(text for name in closure for text in requires[name])]
        pins = self.lock.closure(filter(None, map(requirement_name, asked)))
        parts = {
            f"the tests of {member.name}": digest_files(self.workspace.root, test_files(self.workspace, member)),
            "the lock": _digest([pin[:4] for pin in pins]),
            "Python or the platform": _digest(circumstances()),
            "Partita": _digest(_session_code()),
        }
        parts |= {name: self._source_digest(name) for name in closure}
        return Basis(tuple(sorted(parts.items())))

    def _source_digest(self, name: str) -> str:
        from partita.contents import digest_files, source_files

        if name not in self._sources:
            member = self._members[name]
            content = digest_files(self.workspace.root, source_files(self.workspace, member))
            commit = _commit(self.workspace.root) if member.dynamic else ""
            self._sources[name] = _digest((content, commit))
        return self._sources[name]


def find_pass(root: str, session: str, basis: Basis) -> Pass | None:
    """The kept pass of a session on this very basis."""
    return None if basis.unknown else _read_pass(os.path.join(_shelf(root, session), f"{basis.key()}.json"))


def explain(root: str, session: str, basis: Basis) -> str:
    """Why a session runs: what changed since it passed last."""
    if basis.unknown:
        return basis.unknown
    shelf = _shelf(root, session)
    passes = [found for name in _listed(shelf) if (found := _read_pass(os.path.join(shelf, name)))]
    if not passes:
        return "it has not passed here yet"
    last = dict(max(passes, key=lambda found: found.time).parts)
    now = dict(basis.parts)
    changed = sorted(name for name in {*last, *now} if last.get(name) != now.get(name))
    return f"{' and '.join(changed[:3])}{' and more' if len(changed) > 3 else ''} changed"


def keep_pass(root: str, session: str, basis: Basis, seconds: float) -> None:
    """Remember that a session passed on this basis."""
    import datetime as dt

    if basis.unknown:
        return
    time = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    content = {"schema": _SCHEMA, "parts": dict(basis.parts), "time": time, "seconds": round(seconds, 3)}
    shelf = _shelf(root, session)
    _write(os.path.join(shelf, f"{basis.key()}.json"), content)
    places = sorted((os.path.join(shelf, name) for name in _listed(shelf)), key=os.path.getmtime)
    for place in places[:-_KEPT]:
        os.unlink(place)


def session_lock(root: str, session: str) -> str:
    """The file to hold while a session is looked up and run, so that two runs at once do the work once."""
    return os.path.join(cache_folder(root), "results", f"{session}.lock")


def read_durations(root: str) -> dict[str, float]:
    """How long each session took last, in seconds, by its name.

    From the `durations.json` of the repository, if it keeps one, and over that from what was recorded here.
    """
    kept = _read_seconds(os.path.join(root, DURATIONS))
    return kept | _read_seconds(os.path.join(cache_folder(root), DURATIONS))


def record_duration(root: str, session: str, seconds: float) -> None:
    """Remember how long a session took."""
    path = os.path.join(cache_folder(root), DURATIONS)
    with hold(f"{path}.lock"):
        known = _read_seconds(path) | {session: round(seconds, 3)}
        _write(path, {"schema": _SCHEMA, "seconds": dict(sorted(known.items()))})


def _read_seconds(path: str) -> dict[str, float]:
    seconds = _read(path).get("seconds")
    entries: Mapping[Any, Any] = seconds if isinstance(seconds, dict) else {}
    return {
        str(name): float(value)
        for name, value in entries.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _read_pass(path: str) -> Pass | None:
    content = _read(path)
    try:
        parts = tuple(sorted((str(name), str(value)) for name, value in content["parts"].items()))
        found = Pass(parts, str(content["time"]), float(content["seconds"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return found if f"{Basis(parts).key()}.json" == os.path.basename(path) else None


def _read(path: str) -> dict[str, Any]:
    """The object in a file of this schema; an empty one where there is none, with a line where it is damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        print(f"partita: {path} is ignored: {error}", file=sys.stderr)
        return {}
    return content if isinstance(content, dict) and content.get("schema") == _SCHEMA else {}


def _write(path: str, content: dict[str, Any]) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    os.replace(temporary, path)


def _shelf(root: str, session: str) -> str:
    return os.path.join(cache_folder(root), "results", session)


def _listed(shelf: str) -> list[str]:
    try:
        return [name for name in os.listdir(shelf) if name.endswith(".json")]
    except FileNotFoundError:
        return []


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _session_code() -> list[bytes]:
    package = os.path.dirname(os.path.abspath(__file__))
    contents = []
    for name in _SESSION_CODE:
        with open(os.path.join(package, f"{name}.py"), "rb") as file:
            contents.append(file.read())
    return contents


def _commit(root: str) -> str:
    """The commit that is checked out: what a build hook that asks the history would answer from."""
    from partita import git

    return git.run(root, "rev-parse", "HEAD").content.decode("utf-8", "replace")
