"""`config`: the settings of this command. No server is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botserver_client.commands._options import add_action

if TYPE_CHECKING:
    import argparse

    from botserver_client.session import Session


def add_arguments(actions: Any) -> None:
    """The actions of `config` and their options."""
    generate = add_action(actions, "generate", _generate, "write a file with every setting and what it means")
    generate.add_argument("-o", "--output", metavar="FILE", help="the file (default: standard output)")
    generate.add_argument("--force", action="store_true", help="also when the file is there already")
    add_action(actions, "validate", _validate, "say whether the settings can be used, and what is wrong with them")
    explain = add_action(actions, "explain", _explain, "tell what each setting means and where it may come from")
    explain.add_argument("key", nargs="?", metavar="KEY", help="only this one")
    explain.add_argument("-p", "--parameter", metavar="KEY", help="the same")
    add_action(actions, "show", _show, "show every setting with its value and its origin; secrets are hidden")


def _generate(options: argparse.Namespace, session: Session) -> int:
    import os

    from botserver_client.configuration import ConfigurationError, write_template

    text = write_template(session.configuration.values)
    if not options.output:
        print(text, end="")
        return 0
    # A token may be put in later: nobody else is to read it.
    mode = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if options.force else os.O_EXCL)
    try:
        with os.fdopen(os.open(options.output, mode, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigurationError(f"{options.output} is there already; --force writes over it.") from None
    print(f"✓ {options.output} holds every setting.")
    return 0


def _validate(_options: argparse.Namespace, session: Session) -> int:
    file = session.configuration.file
    print(
        f"✓ The settings can be used; they come from {file}."
        if file
        else "✓ The settings can be used; no file is there."
    )
    return 0


def _explain(options: argparse.Namespace, session: Session) -> int:
    from botserver_client.configuration import KEYS
    from botserver_client.output import render_rows

    wanted = options.parameter or options.key
    found = [key for key in KEYS if wanted in (None, key.name)]
    if not found:
        options.parser.error(f"There is no setting {wanted!a}")
    value = [
        {"name": key.name, "meaning": key.meaning, "variable": key.variable, "default": key.default} for key in found
    ]
    headings = ("SETTING", "DEFAULT", "VARIABLE", "MEANING")
    session.output.show(
        value,
        lambda rows, terminal: render_rows(
            headings,
            [(row["name"], row["default"], row["variable"], row["meaning"]) for row in rows],
            terminal,
            nothing="",
        ),
    )
    return 0


def _show(_options: argparse.Namespace, session: Session) -> int:
    from botlib import Secret
    from botserver_client.output import render_rows

    rows = [
        {
            "name": name,
            "value": ("***" if it.value else "") if isinstance(it.value, Secret) else it.value,
            "origin": it.origin,
        }
        for name, it in session.configuration.values.items()
    ]
    session.output.show(
        rows,
        lambda found, terminal: render_rows(
            ("SETTING", "VALUE", "ORIGIN"), [tuple(row.values()) for row in found], terminal, nothing=""
        ),
    )
    return 0
