"""References to images: what they mean, and which are allowed."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?P<registry>[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?)/)?(?P<repository>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
LONGEST = 512


class Image(NamedTuple):
    """A reference in full: nothing is left to the search order of a machine."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.place}{tag}{digest}"

    @property
    def place(self) -> str:
        """Registry and repository, which an allow-list speaks of."""
        return f"{self.registry}/{self.repository}"

    @property
    def to_pull(self) -> str:
        """What to ask a registry for: by digest when there is one, since Podman takes no tag beside it."""
        return f"{self.place}@{self.digest}" if self.digest else str(self)


def parse_image(text: str) -> Image | None:
    """The image of a reference, or None when it is none. A short name means Docker Hub, no tag means latest."""
    found = _REFERENCE.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        return None
    registry, repository = found["registry"] or "", found["repository"]
    if registry and not ("." in registry or ":" in registry or registry == "localhost"):
        if registry != registry.lower():
            return None
        registry, repository = "", f"{registry}/{repository}"
    if not registry:
        registry = "docker.io"
    if registry == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    digest = found["digest"] or ""
    return Image(registry, repository, found["tag"] or ("" if digest else "latest"), digest)


def is_allowed(image: Image, patterns: Iterable[str]) -> bool:
    """Whether a pattern such as `docker.io/library/*` fits registry and repository."""
    return any(fnmatchcase(image.place, pattern) for pattern in patterns)
