"""Findings are data: a stable code, a place and the next step. Reports only print them."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that is wrong at one place.

    Codes ``PT0xx`` are input that could not be read as meant ("problems"); the others are broken rules.
    `file` is relative to the root, with ``/``; `line` counts from 1, 0 means the whole file. `subject` names
    what the finding is about without any line number, so that a baseline survives edits elsewhere in the file.
    """

    code: str
    file: str
    line: int
    message: str
    remedy: str = ""
    subject: str = ""


UNREADABLE_MANIFEST = "PT001"
INVALID_NAME = "PT002"
DUPLICATE_NAME = "PT003"
LEGACY_MANIFEST = "PT004"
DYNAMIC_DEPENDENCIES = "PT005"
UNREADABLE_FOLDER = "PT006"
INVALID_REQUIREMENT = "PT007"
UNREADABLE_SOURCE = "PT011"
UNDECODABLE_SOURCE = "PT012"
DUPLICATE_MODULE = "PT013"
ESCAPING_RELATIVE_IMPORT = "PT014"
