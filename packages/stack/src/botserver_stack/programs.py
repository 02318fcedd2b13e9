"""Runs a program to its end and tells what it said."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from botserver_stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botserver_stack.accounts import Account


async def run_program(
    arguments: Sequence[str],
    *,
    text: str = "",
    environment: Mapping[str, str] | None = None,
    account: Account | None = None,
) -> str:
    """Its output. Raises `StackError` with what it complains of when it fails, or cannot be executed."""
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=() if account else None,
        )
    except OSError as error:
        raise StackError(f"{arguments[0]} cannot be executed: {error.strerror}.") from None
    try:
        output, complaint = await process.communicate(text.encode())
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):  # it has just ended
            process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise StackError(f"{arguments[0]} failed: {_reason(complaint, process.returncode)}.")
    return output.decode(errors="replace")


def _reason(complaint: bytes, code: int) -> str:
    lines = complaint.decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
    return next((it for it in lines if "error:" in it.lower() or "fatal:" in it.lower()), lines[-1]).strip().rstrip(".")
