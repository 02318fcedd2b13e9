"""`env.stack`: how a test in any language finds the servers. The keys are those of the plan."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from botserver_stack.files import write_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from botserver_stack.recipes import Recipe, Site

ENVIRONMENT_FILE = "env.stack"


def describe_environment(
    stack: str, folder: str, sites: Iterable[tuple[Recipe, Site]], *, keep: bool
) -> dict[str, str]:
    """The variables of a stack, in the order of the plan. Passwords are among them."""
    found = {
        "BOTSERVER_STACK_ID": stack,
        "BOTSERVER_TEMP_STACK_DIR": folder,
        "BOTSERVER_KEEP_ON_SHUTDOWN": "true" if keep else "false",
    }
    for recipe, site in sites:
        found |= recipe.publish(site)
    return found | {
        "LOG_LEVEL": os.environ.get("LOG_LEVEL") or "info",
        "LOG_FILE": os.path.join(folder, "botserver", "logs", "botserver.log"),
    }


def write_environment(folder: str, variables: Mapping[str, str]) -> None:
    """Write the file that both `env` parsers and shells can read: no value needs quotes but paths, which get them."""
    write_file(os.path.join(folder, ENVIRONMENT_FILE), render_environment(variables))


def render_environment(variables: Mapping[str, str], *, export: bool = False) -> str:
    """One assignment a line, quoted for a shell where that is needed."""
    import shlex

    word = "export " if export else ""
    return "".join(f"{word}{name}={shlex.quote(value)}\n" for name, value in variables.items())
