"""What a change reaches: file -> module -> member -> dependents, with the reason for each. Pure.

Where it cannot be told, the answer is everything, and why: never a silent nothing. The rules:

- A file belongs to the innermost member. What ships with the member, and what builds it, reaches its dependents too;
  its `tests`, `docs`, `examples` and the documents at its top (README, LICENSE…) reach itself alone.
- Dependents follow what the manifests declare. A runtime, optional or build dependency passes a change on. A dev
  dependency brings it to the dependent, whose tests may use it, and no further: nobody installs it from there.
- A changed lock file reaches whoever uses the distributions that differ, by way of the other distributions it pins.
  All members use pytest: isolated sessions install it whether a manifest asks for it or not.
- A member whose build adds dependencies (`dynamic`) may need any other that changed.
- A member that is gone or has a new name reaches those that still require it by the old one.
- Any other file may concern everybody, unless it is only a document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from partita.territory import Territory

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from partita.changes import Change, Changes, Versions
    from partita.outline import Outline

_MANIFEST = "pyproject.toml"
#: Lock files at the root whose changes can be narrowed to the distributions they concern.
_LOCK_FILES = ("requirements.lock", "uv.lock")
_DECLARED_KINDS = frozenset({"runtime", "optional", "dev", "build"})
_TEST_RUNNER = "pytest"
_BOUNDED_KINDS = frozenset({"dev", "test"})


class Reached(NamedTuple):
    """A member that a change reaches. `reason` leads to it, a sentence a step: the first one tells what changed."""

    name: str
    reason: tuple[str, ...]


class Affected(NamedTuple):
    """What the changes since `base` reach, sorted by name. `because` says why it is everything, when it is."""

    base: str | None
    because: str | None
    members: tuple[Reached, ...]


class Seed(NamedTuple):
    """Where a change begins: a member or a distribution, whether dependents are concerned, and what changed."""

    name: str
    passes: bool
    sentence: str


class Link(NamedTuple):
    """Somebody who depends on something: the kind of the dependency and where it is declared."""

    name: str
    kind: str
    file: str
    line: int

    def passes(self) -> bool:
        """Whether a change goes on from there: nobody installs the dev dependencies of what they depend on."""
        return self.kind not in _BOUNDED_KINDS

    def sentence(self, needed: str) -> str:
        """The step of a reason that follows this link."""
        verb = "requires" if self.kind in _DECLARED_KINDS else "may require" if self.kind == "dynamic" else "imports"
        place = f"{self.kind}, {self.file}:{self.line}" if self.line else self.file
        return f"{self.name} {verb} {needed} ({place})"


def find_affected(
    members: Sequence[Outline],
    changes: Changes,
    versions: Mapping[str, Versions],
    observed: Iterable[tuple[str, Link]] = (),
) -> Affected:
    """The members that the changes reach.

    `versions` are the contents of the files that `find_telling_files` names. `observed` adds dependencies that no
    manifest declares: (what is needed, who needs it).
    """
    if changes.because is not None:
        return _everything(members, changes.base, changes.because)
    links = _collect_links(members, observed)
    try:
        seeds = [*_seeds_from_files(members, changes, versions), *_seeds_from_locks(members, versions, links)]
    except _AnybodyError as error:
        return _everything(members, changes.base, str(error))
    seeds += [
        Seed(member.name, True, f"git does not see {member.manifest}, so nobody can tell whether it changed")
        for member in members
        if member.manifest in changes.unseen
    ]
    _link_dynamic(members, seeds, links)
    reasons = spread(seeds, links)
    return Affected(changes.base, None, tuple(Reached(m.name, reasons[m.name]) for m in members if m.name in reasons))


def find_telling_files(changes: Iterable[Change]) -> list[Change]:
    """The changed files whose contents, at the base and now, tell more than that they changed."""
    return [
        change
        for change in changes
        if change.path in _LOCK_FILES or (change.before and change.path.rpartition("/")[2] == _MANIFEST)
    ]


def spread(seeds: Iterable[Seed], links: Mapping[str, Sequence[Link]]) -> dict[str, tuple[str, ...]]:
    """Everything that the seeds reach, each with the steps of a shortest way to it.

    `links` tells for each name who depends on it. Cycles are no obstacle.
    """
    ordered = sorted(set(seeds))
    reasons: dict[str, tuple[str, ...]] = {seed.name: (seed.sentence,) for seed in reversed(ordered) if seed.passes}
    front = sorted(reasons)
    passing = []
    while front:
        passing += front
        following: dict[str, tuple[str, ...]] = {}
        for name in front:
            for link in links.get(name, ()):
                if link.name not in reasons and link.passes():
                    following.setdefault(link.name, (*reasons[name], link.sentence(name)))
        reasons |= following
        front = sorted(following)
    own: dict[str, tuple[str, ...]] = {seed.name: (seed.sentence,) for seed in reversed(ordered) if not seed.passes}
    for name in passing:
        for link in links.get(name, ()):
            if link.name not in reasons and link.name not in own:
                own[link.name] = (*reasons[name], link.sentence(name))
    return own | reasons


def show(path: str) -> str:
    """A path as it can stand in a sentence: quoted and escaped when it holds line ends, bytes that are no text, …"""
    return path if path.isprintable() else ascii(path)


class _AnybodyError(Exception):
    """The change may concern anybody; the text says why."""


def _everything(members: Sequence[Outline], base: str | None, because: str) -> Affected:
    return Affected(base, because, tuple(Reached(member.name, (because,)) for member in members))


def _collect_links(members: Sequence[Outline], observed: Iterable[tuple[str, Link]]) -> dict[str, list[Link]]:
    links: dict[str, list[Link]] = {}
    for member in members:
        for needed, kind, line in member.needs:
            links.setdefault(needed, []).append(Link(member.name, kind, member.manifest, line))
    for needed, link in observed:
        links.setdefault(needed, []).append(link)
    runner = (Link(member.name, "test", "as every isolated session does", 0) for member in members)
    links.setdefault(_TEST_RUNNER, []).extend(runner)
    return links


def _link_dynamic(members: Sequence[Outline], seeds: Iterable[Seed], links: dict[str, list[Link]]) -> None:
    hidden = (member for member in members if member.is_dynamic)
    dynamic = [Link(member.name, "dynamic", f"dynamic dependencies in {member.manifest}", 0) for member in hidden]
    known = {member.name for member in members}
    for name in {seed.name for seed in seeds if seed.passes} & known if dynamic else ():
        links.setdefault(name, []).extend(link for link in dynamic if link.name != name)


def _seeds_from_files(members: Sequence[Outline], changes: Changes, versions: Mapping[str, Versions]) -> Iterator[Seed]:
    """One seed for each member and reach; the first file speaks for the others. Raises _AnybodyError."""
    former = _find_former(members, versions)
    territory = Territory(members, former)
    touched: dict[tuple[str, bool], list[str]] = {}
    for path, sentence in _changed_paths(changes, _told_by_lock(versions)):
        claims = territory.claims(path)
        if claims is None:
            raise _AnybodyError(f"{show(path)} belongs to no member alone")
        for claim in claims:
            told = f"{sentence} (module {claim.module})" if claim.module else sentence
            touched.setdefault((claim.member, claim.passes), []).append(told)
    for (name, passes), sentences in touched.items():
        more = f", and {len(sentences) - 1} more" if len(sentences) > 1 else ""
        yield Seed(name, passes, sentences[0] + more)
    for folder, name in former.items():
        yield Seed(name, True, f"{show(folder)} was the member {name} and is it no longer")
    for folder in _new_folders(members, changes):
        for claim in territory.claims(folder) or ():
            yield Seed(claim.member, True, f"{show(folder)} is a member of its own now")


def _changed_paths(changes: Changes, elsewhere: Collection[str]) -> Iterator[tuple[str, str]]:
    """Every path that differs, with the sentence for it: files, and symbolic links to what differs."""
    pending = []
    for change in changes.files:
        if change.path not in elsewhere:
            pending.append(change.path)
            yield change.path, f"{show(change.path)} changed"
    untouched = dict(changes.links)
    while pending and untouched:
        path = pending.pop()
        for link in [link for link, target in untouched.items() if _overlap(path, target)]:
            del untouched[link]
            pending.append(link)
            yield link, f"{show(link)} leads to {show(path)}, which changed"


def _told_by_lock(versions: Mapping[str, Versions]) -> frozenset[str]:
    """The files whose changes are told by the lock: itself, and the root's manifest if only the pins in it differ."""
    contents = [content for content in versions.get(_MANIFEST, ()) if content is not None]
    if _LOCK_FILES[0] in versions and len(contents) == 2:
        from partita.pins import remove_pins  # a changed lock is rare

        before, after = (remove_pins(content.decode("utf-8", "surrogateescape")) for content in contents)
        if before == after:
            return frozenset({*_LOCK_FILES, _MANIFEST})
    return frozenset(_LOCK_FILES)


def _new_folders(members: Sequence[Outline], changes: Changes) -> Iterator[str]:
    """Folders that became members: what they hold may have belonged to the member around them."""
    manifests = {member.manifest: member.folder for member in members}
    for change in changes.files:
        if change.before is None and change.path in manifests:
            yield manifests[change.path]


def _overlap(path: str, target: str) -> bool:
    """Whether a change of `path` shows through a link to `target`."""
    return path == target or path.startswith(f"{target}/") or (path.endswith("/") and f"{target}/".startswith(path))


def _find_former(members: Sequence[Outline], versions: Mapping[str, Versions]) -> dict[str, str]:
    """Folders that were members at the base, under another name or not at all now -> the name they had.

    A manifest that still names a project, and yet makes no member, did not make one at the base either: nothing that
    decides about this can change without being seen by itself.
    """
    if not versions:
        return {}
    from partita.manifest import parse_manifest  # a changed manifest is rare

    current = {member.manifest: member.name for member in members}
    former = {}
    for path, (before, after) in versions.items():
        if path in _LOCK_FILES or before is None:
            continue
        name = parse_manifest(before, path).name
        is_outsider = path not in current and after is not None and parse_manifest(after, path).name is not None
        if name is not None and name != current.get(path) and not is_outsider:
            former[path.rpartition("/")[0] or "."] = name
    return former


def _seeds_from_locks(
    members: Sequence[Outline], versions: Mapping[str, Versions], links: dict[str, list[Link]]
) -> Iterator[Seed]:
    """A seed for each distribution that differs; what the lock tells about who needs what joins the links."""
    known = {member.name for member in members}
    for path in filter(versions.__contains__, _LOCK_FILES):
        from partita.upgrades import compare_locks  # a changed lock is rare

        upgrade = compare_locks(path, *versions[path])
        if upgrade.unknown is not None:
            raise _AnybodyError(upgrade.unknown)
        for needed, needs in upgrade.needs.items():
            links.setdefault(needed, []).extend(Link(need.name, need.kind, path, 0) for need in needs)
        _refuse_unaccounted(upgrade.changed, links, known, path)
        for name, sentence in upgrade.changed.items():
            yield Seed(name, True, sentence)


def _refuse_unaccounted(
    changed: Iterable[str], links: Mapping[str, Sequence[Link]], members: Collection[str], path: str
) -> None:
    """Raises _AnybodyError unless all who use what changed are known: through distributions, members in the end."""
    origins = {name: name for name in changed if name not in members}
    front = list(origins)
    for name in front:
        users = {link.name for link in links.get(name, ())} - {name}
        if not users:
            raise _AnybodyError(f"{path} changed, and it does not tell which members need {origins[name]}")
        following = sorted(users - origins.keys() - set(members))
        origins |= dict.fromkeys(following, origins[name])
        front += following
