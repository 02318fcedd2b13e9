"""The workflows that are installed: packages with templates in YAML and handlers in Python."""

from __future__ import annotations

from importlib import import_module, resources
from pkgutil import walk_packages
from typing import TYPE_CHECKING, NamedTuple

from botlib import InvalidError
from botserver_workflows.errors import TemplateError
from botserver_workflows.handlers import collect_handlers
from botserver_workflows.reading import read_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.resources.abc import Traversable
    from types import ModuleType

    from botserver_workflows.handlers import Handler
    from botserver_workflows.template import Template


class Library(NamedTuple):
    """What there is to run."""

    templates: tuple[Template, ...]
    handlers: dict[str, Handler]

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of all templates, sorted."""
        return tuple(sorted({template.namespace for template in self.templates}))

    def check_handlers(self, namespaces: Iterable[str]) -> None:
        """`InvalidError` that names each step of these namespaces whose handler is not here, and unknown namespaces."""
        problems = tuple(self._problems(tuple(namespaces)))
        if problems:
            raise InvalidError("\n".join(problems))

    def _problems(self, namespaces: tuple[str, ...]) -> Iterator[str]:
        for namespace in namespaces:
            if namespace not in self.namespaces:
                known = ", ".join(self.namespaces) or "none"
                yield f"There is no template in the namespace {namespace}. Installed are {known}."
        for template in self.templates:
            for step in template.steps:
                if template.namespace in namespaces and step.handler not in self.handlers:
                    where = f"{template.namespace}/{template.name}"
                    yield f"{where}: no function is the handler {step.handler} of {step.name}. Write or install one."


def load_library(packages: Iterable[str], environment: str = "") -> Library:
    """The templates and handlers of these packages, whose modules are imported.

    `TemplateError` with the problems of all templates, and `InvalidError` for a package that cannot be imported.
    """
    modules = [module for package in packages for module in _modules(package)]
    templates: list[Template] = []
    problems: list[str] = []
    for package in packages:
        for entry, name in _files(resources.files(package), ""):
            try:
                templates.append(read_template(entry.read_text("utf-8"), f"{package}/{name}", environment=environment))
            except TemplateError as error:
                problems += error.problems
    if problems:
        raise TemplateError(*problems)
    return Library(tuple(templates), collect_handlers(modules))


def _modules(package: str) -> Iterator[ModuleType]:
    try:
        root = import_module(package)
    except ImportError as error:
        raise InvalidError(f"The package of workflows {package} cannot be imported: {error}.") from error
    yield root
    for found in walk_packages(getattr(root, "__path__", ()), f"{package}."):
        yield import_module(found.name)


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[Traversable, str]]:
    for entry in sorted(folder.iterdir(), key=lambda it: it.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".yaml", ".yml")):
            yield entry, f"{prefix}{entry.name}"
