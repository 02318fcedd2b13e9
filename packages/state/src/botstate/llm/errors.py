"""What can go wrong with a language model, in four kinds that callers treat differently."""

from __future__ import annotations

from botlib import ForbiddenError, InvalidError, LimitError, UnavailableError


class ModelBusyError(LimitError):
    """The provider wants to be asked less often. `retry_after` tells when it may be asked again, if it said so."""

    code = "model-busy"


class ContextTooLongError(InvalidError):
    """The conversation does not fit into the model. Shorten it; the same again will fail again."""

    code = "context-too-long"


class RefusedError(ForbiddenError):
    """The provider does not let the model answer this at all."""

    code = "refused"


class ModelUnavailableError(UnavailableError):
    """There is no model, or it does not answer, or not as it should."""

    code = "model-unavailable"
