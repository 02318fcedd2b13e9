"""Gets an image onto this machine: some tries, one deadline, and a look whether it is really there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botserver_containers.decisions.backoff import PULL_ATTEMPTS, PULL_DELAYS
from botserver_containers.errors import ImageMissingError, PullError

if TYPE_CHECKING:
    from collections.abc import Callable

    from botlib import Clock
    from botserver_containers.manifests.images import Image
    from botserver_containers.manifests.manifest import PullPolicy
    from botserver_containers.podman.adapter import Podman
    from botserver_containers.podman.rows import ImageRow


async def pull_image(
    podman: Podman,
    clock: Clock,
    image: Image,
    *,
    policy: PullPolicy = "missing",
    limit: float = 1800.0,
    on_failure: Callable[[int, PullError], None] = lambda _attempt, _error: None,
) -> ImageRow:
    """The image, pulled when the policy asks for it. `on_failure` hears of each try that failed, with its number.

    Three tries, 5 and 15 seconds apart; none after an error that would come again, and none that could not end within
    `limit` seconds of the first one.
    """
    reference = image.to_pull
    if policy != "always" and (found := await podman.image(reference)) is not None:
        return found
    if policy == "never":
        raise ImageMissingError(f"{image} is not on this machine.", remedy="Import it, or let it be pulled.")
    deadline = clock.monotonic() + limit
    for attempt in range(1, PULL_ATTEMPTS + 1):
        try:
            await podman.pull(reference, limit=max(1.0, deadline - clock.monotonic()))
            break
        except PullError as error:
            on_failure(attempt, error)
            if error.permanent or attempt == PULL_ATTEMPTS:
                raise
            delay = PULL_DELAYS[attempt - 1]
            if clock.monotonic() + delay >= deadline:
                raise
            await clock.sleep(delay)
    return await _verify(podman, image)


async def _verify(podman: Podman, image: Image) -> ImageRow:
    found = await podman.image(image.to_pull)
    if found is None:
        raise ImageMissingError(f"{image} was pulled without an error and is not there.", remedy="Try again.")
    if image.digest and found.digests and image.digest not in found.digests:
        raise ImageMissingError(f"{image} was asked for by its digest, and another image came.")
    return found
