"""Jobs of other services, over Podman: what `botstate.ContainerRunner` promises."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from botlib import ConflictError, InvalidError, NotFoundError
from botserver_containers.decisions.observation import ContainerState
from botserver_containers.errors import ImageRefusedError, ManifestError, NameTakenError
from botserver_containers.manifests.images import is_allowed, parse_image
from botserver_containers.manifests.parsing import parse_manifest
from botserver_containers.orchestrator.pulling import pull_image
from botserver_containers.podman.arguments import APP_LABEL, NODE_LABEL, Surroundings, create_arguments, secret_name
from botstate import ContainerJob, JobStatus

if TYPE_CHECKING:
    from botlib import Clock
    from botserver_containers.manifests.manifest import Manifest
    from botserver_containers.podman.adapter import Podman
    from botserver_containers.podman.rows import Row
    from botserver_containers.settings import ContainersSettings

#: Jobs carry this in the place of the name of an app, so that no reconciliation takes them for one.
JOB_LABEL = "botserver.job"
GRACE_LABEL = "botserver.grace"
PREFIX = "job-"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,57}[a-z0-9])?")


class PodmanRunner:
    """Every job is a container of the node, named after it with a prefix."""

    def __init__(self, podman: Podman, clock: Clock, settings: ContainersSettings, init: str = "") -> None:
        self._podman = podman
        self._clock = clock
        self._settings = settings
        self._init = init

    async def run(self, job: ContainerJob) -> None:
        manifest = _manifest_of(job)
        image = parse_image(manifest.image)
        if image is None or not is_allowed(image, self._settings.allowed_images):
            raise ImageRefusedError(f"The image {job.image[:200]} is not allowed here.")
        if await self._podman.container(manifest.id) is not None:
            raise ConflictError(f"There is a job named {job.name}.", remedy="Remove it, or choose another name.")
        found = await pull_image(self._podman, self._clock, image, limit=self._settings.pull_limit)
        secrets = {variable: secret_name(self._podman.node, manifest.id, variable) for variable in job.secrets}
        try:
            for variable, name in secrets.items():
                await self._podman.create_secret(name, job.secrets[variable])
            around = Surroundings(self._podman.node, found.id, manifest.environment, secrets, self._init)
            arguments = _as_job(create_arguments(manifest, around), job)
            await self._podman.create(arguments)
            await self._podman.start(manifest.id)
        except NameTakenError:
            raise ConflictError(f"There is a job named {job.name}.") from None
        except BaseException:
            await self.remove(job.name)
            raise

    async def status(self, name: str) -> JobStatus:
        return _status(await self._find(name))

    async def list(self) -> list[JobStatus]:
        return sorted(_status(row) for row in await self._podman.containers() if JOB_LABEL in row.labels)

    async def stop(self, name: str) -> JobStatus:
        row = await self._find(name)
        if row.state is ContainerState.RUNNING:
            await self._podman.stop(row.name, int(row.labels.get(GRACE_LABEL, "30")))
            row = await self._find(name)
        return _status(row)

    async def logs(self, name: str, *, lines: int = 100) -> str:
        return await self._podman.logs((await self._find(name)).name, lines)

    async def remove(self, name: str) -> None:
        try:
            row = await self._find(name)
        except NotFoundError:
            row = None
        if row is not None:
            await self._podman.remove(row.name, force=True)
        prefix = secret_name(self._podman.node, f"{PREFIX}{name}", "")
        for secret in await self._podman.secrets():
            if secret.startswith(prefix):
                await self._podman.remove_secret(secret)

    async def _find(self, name: str) -> Row:
        row = await self._podman.container(f"{PREFIX}{name}") if _NAME.fullmatch(name) else None
        if row is None or row.labels.get(NODE_LABEL) != self._podman.node or JOB_LABEL not in row.labels:
            raise NotFoundError(f"There is no job named {name[:64]!a}.")
        return row


def _manifest_of(job: ContainerJob) -> Manifest:
    """The job as a manifest, so that it is checked as one; `InvalidError` with all that is wrong with it."""
    if not _NAME.fullmatch(job.name):
        raise InvalidError(
            f"{job.name[:64]!a} cannot be the name of a job.", remedy="Use up to 59 small letters, digits and dashes."
        )
    resources = {"memory": job.memory, "cpus": job.cpus}
    app = {
        "id": f"{PREFIX}{job.name}",
        "container": {"image": job.image, "command": list(job.command), "network": job.network},
        "environment": dict(job.environment),
        "resources": {key: value for key, value in resources.items() if value is not None},
    }
    try:
        manifest = parse_manifest({"app": app})
    except ManifestError as error:
        raise InvalidError(str(error)) from None
    if job.network not in {"bridge", "none"}:
        raise InvalidError("The network of a job is bridge or none.")
    return replace(manifest, name=job.name)


def _as_job(arguments: list[str], job: ContainerJob) -> list[str]:
    """The arguments of an app, with the labels of a job in the place of that of an app."""
    place = arguments.index(f"{APP_LABEL}={PREFIX}{job.name}")
    grace = arguments.index("--stop-timeout") + 1
    labels = ["--label", f"{JOB_LABEL}={job.name}", "--label", f"{GRACE_LABEL}={job.grace}"]
    changed = [*arguments[:grace], str(job.grace), *arguments[grace + 1 :]]
    return [*changed[: place - 1], *labels, *changed[place + 1 :]]


def _status(row: Row) -> JobStatus:
    name = row.labels[JOB_LABEL]
    if row.state in {ContainerState.EXITED, ContainerState.STOPPED}:
        return JobStatus(name, "ended", row.exit_code)
    return JobStatus(name, "running")
