"""A fake that runs nothing, and what all `ContainerRunner`s do.

Each check gets a runner and an image whose containers print the variable `GREETING`, and then end with exit code 3 when
`ENDS` is set, or run until they are stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from botlib import BotError, ConflictError, InvalidError, NotFoundError, Secret
from botstate.containers import ContainerJob, ContainerRunner, JobStatus

ContainersCheck = Callable[[ContainerRunner, str], Awaitable[None]]


class FakeContainerRunner:
    """Keeps jobs in memory. `end` lets one end; `run_jobs` has what was run."""

    def __init__(self) -> None:
        self.run_jobs: list[ContainerJob] = []
        self._jobs: dict[str, tuple[ContainerJob, JobStatus]] = {}

    async def run(self, job: ContainerJob) -> None:
        if not job.name.replace("-", "").isalnum() or job.name != job.name.lower() or len(job.name) > 63:
            raise InvalidError(f"{job.name!a} cannot be the name of a job.", remedy="Use small letters and digits.")
        if job.name in self._jobs:
            raise ConflictError(f"There is a job named {job.name}.", remedy="Remove it, or choose another name.")
        self.run_jobs.append(job)
        ends = "ENDS" in job.environment
        self._jobs[job.name] = (job, JobStatus(job.name, "ended" if ends else "running", 3 if ends else 0))

    async def status(self, name: str) -> JobStatus:
        return self._find(name)[1]

    async def list(self) -> list[JobStatus]:
        return [status for _, (_, status) in sorted(self._jobs.items())]

    async def stop(self, name: str) -> JobStatus:
        if self._find(name)[1].state == "running":
            self.end(name, 0)
        return self._find(name)[1]

    async def logs(self, name: str, *, lines: int = 100) -> str:
        job, _ = self._find(name)
        secret = job.secrets.get("GREETING")
        text = secret.reveal() if secret is not None else job.environment.get("GREETING", "")
        return "\n".join(text.splitlines()[-lines:]) + "\n"

    async def remove(self, name: str) -> None:
        self._jobs.pop(name, None)

    def end(self, name: str, exit_code: int) -> None:
        """Let a job end by itself."""
        self._jobs[name] = (self._find(name)[0], JobStatus(name, "ended", exit_code))

    def _find(self, name: str) -> tuple[ContainerJob, JobStatus]:
        if name not in self._jobs:
            raise NotFoundError(f"There is no job named {name!a}.")
        return self._jobs[name]


async def a_job_runs_until_it_is_stopped(runner: ContainerRunner, image: str) -> None:
    await runner.run(ContainerJob("steady", image, grace=1))
    assert await runner.status("steady") == JobStatus("steady", "running")
    assert [job.name for job in await runner.list()] == ["steady"]
    assert (await runner.stop("steady")).state == "ended"
    assert (await runner.stop("steady")).state == "ended"
    await runner.remove("steady")
    assert await runner.list() == []


async def a_job_that_ends_tells_its_exit_code_and_its_log(runner: ContainerRunner, image: str) -> None:
    await runner.run(ContainerJob("short", image, environment={"ENDS": "1", "GREETING": "hello"}))
    assert await _ended(runner, "short") == JobStatus("short", "ended", 3)
    assert await runner.logs("short") == "hello\n"
    await runner.remove("short")


async def a_secret_reaches_the_job(runner: ContainerRunner, image: str) -> None:
    job = ContainerJob("secret", image, environment={"ENDS": "1"}, secrets={"GREETING": Secret("hunter2")})
    await runner.run(job)
    await _ended(runner, "secret")
    assert await runner.logs("secret") == "hunter2\n"
    await runner.remove("secret")


async def a_name_is_taken_once(runner: ContainerRunner, image: str) -> None:
    await runner.run(ContainerJob("twin", image))
    assert await _refusal(runner.run(ContainerJob("twin", image))) is ConflictError
    assert (await runner.status("twin")).state == "running"
    await runner.remove("twin")
    await runner.remove("twin")


async def what_cannot_be_a_name_is_refused(runner: ContainerRunner, image: str) -> None:
    for name in ("", "../x", "a b", "A", "-", "a;b"):
        assert await _refusal(runner.run(ContainerJob(name, image))) is InvalidError, f"{name!a} was accepted"
    assert await runner.list() == []


async def a_job_that_is_not_there_is_not_found(runner: ContainerRunner, _image: str) -> None:
    for call in (runner.status("nobody"), runner.stop("nobody"), runner.logs("nobody")):
        assert await _refusal(call) is NotFoundError


CONTAINERS_CONTRACT: tuple[ContainersCheck, ...] = (
    a_job_runs_until_it_is_stopped,
    a_job_that_ends_tells_its_exit_code_and_its_log,
    a_secret_reaches_the_job,
    a_name_is_taken_once,
    what_cannot_be_a_name_is_refused,
    a_job_that_is_not_there_is_not_found,
)


async def _ended(runner: ContainerRunner, name: str) -> JobStatus:
    async with asyncio.timeout(60):
        while (status := await runner.status(name)).state != "ended":  # noqa: ASYNC110 - only its status tells
            await asyncio.sleep(0.05)
    return status


async def _refusal(call: Awaitable[object]) -> type[BotError] | None:
    """The class of botlib that the error is."""
    try:
        await call
    except (InvalidError, ConflictError, NotFoundError) as error:
        return next(kind for kind in (InvalidError, ConflictError, NotFoundError) if isinstance(error, kind))
    return None
