"""What can go wrong with workflows. The class of the platform that an error also is decides how HTTP tells it."""

from __future__ import annotations

from botlib import BotError, InvalidError, NotFoundError


class WorkflowError(BotError):
    """The base of what this service raises."""

    code = "workflows"


class EngineError(WorkflowError, InvalidError):
    """The engine that the settings choose cannot be used here."""

    code = "workflows-engine"


class TemplateError(WorkflowError, InvalidError):
    """A template cannot be used. One sentence a problem, each with its file and line."""

    code = "workflows-template"

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UnknownTemplateError(WorkflowError, NotFoundError):
    """There is no template of this name."""

    code = "workflows-unknown-template"


class InvalidInputError(WorkflowError, InvalidError):
    """The request for a task breaks a rule. One sentence a problem; nothing was created."""

    code = "workflows-input"

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InvalidIdError(WorkflowError, InvalidError):
    """What should be an id is none."""

    code = "workflows-invalid-id"


class ForbiddenTransitionError(WorkflowError, InvalidError):
    """A task or a step is in a state that does not allow what was asked."""

    code = "workflows-transition"

    def __init__(self, subject: str, before: str, after: str, message: str = "") -> None:
        super().__init__(message or f"A {subject} that is {before} cannot become {after}.")
        self.before = before
        self.after = after


class UnrepresentableError(WorkflowError, InvalidError):
    """A handler returned what JSON cannot hold."""

    code = "workflows-unrepresentable"

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where} cannot be stored: {why}.", remedy="Return objects, lists, text and numbers only.")


class UnknownTaskError(WorkflowError, NotFoundError):
    """There is no such task or step."""

    code = "workflows-unknown-task"


class UnknownEntryError(WorkflowError, NotFoundError):
    """There is no such entry among the dead letters."""

    code = "workflows-unknown-entry"


class UnknownWorkerError(WorkflowError, NotFoundError):
    """There is no such worker."""

    code = "workflows-unknown-worker"
