from __future__ import annotations

from textwrap import dedent

from partita.paths import find_paths
from partita.reports.terminal import Terminal
from partita.reports.why import render
from partita.sketches import sketch

SHOP = """
    app -> chat optional@12
    app -> mail runtime@9
    chat -> lib runtime@3 import@1,2,3,4,5,6
    mail -> lib lazy@30
"""


def check(source: str, target: str, expected: str, text: str = SHOP, terminal: Terminal = Terminal(60)) -> None:  # noqa: B008 - a frozen value
    assert render(find_paths(sketch(text).graph, source, target), terminal) == dedent(expected).lstrip("\n")


def test_every_path_is_written_out_and_every_step_has_its_places() -> None:
    check(
        "app",
        "lib",
        """
        app depends on lib: 2 shortest paths of 2 steps

          1  app → chat → lib
          2  app → mail → lib

        app → chat  step 1
          optional      packages/app/pyproject.toml:12

        app → mail  step 1
          runtime       packages/app/pyproject.toml:9

        chat → lib  step 2
          runtime       packages/chat/pyproject.toml:3
          import        packages/chat/src/chat/__init__.py:1
          import        packages/chat/src/chat/__init__.py:2
          import        packages/chat/src/chat/__init__.py:3
          import        packages/chat/src/chat/__init__.py:4
                        and 2 more

        mail → lib  step 2
          lazy          packages/mail/src/mail/__init__.py:30
        """,
    )


def test_without_a_path_that_is_said() -> None:
    check("lib", "app", "lib does not depend on app, not even through others.\n")


def test_a_long_path_is_wrapped_between_its_names() -> None:
    check(
        "first-package",
        "fourth-package",
        """
        first-package depends on fourth-package: 1 shortest path of 3 steps

          1  first-package -> second-package
             -> third-package -> fourth-package

        first-package -> second-package  step 1
          runtime       packages/first-package/pyproject.toml:1

        second-package -> third-package  step 2
          runtime       packages/second-package/pyproject.toml:1

        third-package -> fourth-package  step 3
          runtime       packages/third-package/pyproject.toml:1
        """,
        "first-package -> second-package runtime\nsecond-package -> third-package runtime\n"
        "third-package -> fourth-package runtime",
        Terminal(46, boxes=False),
    )


def test_of_many_paths_the_first_ones_are_written_out_and_the_rest_counted() -> None:
    text = "\n".join(f"app -> via-{number:02} runtime\nvia-{number:02} -> lib runtime" for number in range(1, 26))

    told = render(find_paths(sketch(text).graph, "app", "lib"))

    assert " 10  app → via-10 → lib\n     and 15 more over the steps below\n" in told
    assert told.count("step 1") == told.count("step 2") == 25
