"""Runs the handler of one attempt, and says how it ended. Knows nothing of tables."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any

from botlib import BotError
from botserver_workflows.attempt import Failure, Success
from botserver_workflows.errors import UnrepresentableError
from botserver_workflows.handlers import Result, Step, StepError
from botserver_workflows.values import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botserver_workflows.attempt import Claim
    from botserver_workflows.handlers import Handler

_log = logging.getLogger(__name__)


async def execute(claim: Claim, handler: Handler, initialization: Mapping[str, Any]) -> Success | Failure:
    """Run it within its time limit. Whatever it raises is a failure; only a cancellation goes on.

    A plain function that takes too long goes on in its thread, and what it returns then is lost.
    """
    step = Step(claim.task_id, claim.step_id, claim.name, claim.attempt, claim.context, claim.results, initialization)
    limit = asyncio.timeout(claim.timeout_seconds)
    try:
        async with limit:
            value = await _call(handler, step)
        if isinstance(value, Result):
            return Success(to_json(value.value), {"custom": to_json(dict(value.custom), where="custom")})
        return Success(to_json(value))
    except StepError as error:
        kind = type(error).__name__
        return Failure(error.message, error.step_code, kind, error.retryable, error.retry_after)
    except UnrepresentableError as error:
        return Failure(str(error), "UNREPRESENTABLE_RESULT", type(error).__name__, retryable=False)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises, its step has failed
        if limit.expired():
            return Failure(f"It took longer than {claim.timeout_seconds:g} seconds.", "TIMEOUT", "TimeoutError")
        _log.warning("attempt %d of step %s (%s) failed", claim.attempt, claim.name, claim.step_id, exc_info=error)
        # Only our own errors promise that their text may be shown.
        text = (
            str(error) if isinstance(error, BotError) else f"{type(error).__name__}. The log of the worker says more."
        )
        return Failure(text, "HANDLER_ERROR", type(error).__name__)


async def _call(handler: Handler, step: Step) -> Any:
    if inspect.iscoroutinefunction(handler):
        return await handler(step)
    result = await asyncio.to_thread(handler, step)
    return await result if inspect.isawaitable(result) else result
