"""What an operator can choose: the part `meetings` of the settings of a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from botlib import Secret
from botserver_meetings.profiles import PROFILES
from botserver_meetings.staleness import Limits


@dataclass(frozen=True)
class MeetingsSettings:
    """`admin_token` is a reference to a secret; without that secret the routes of the admin are off.

    `profile`: the dialect of the API, "seed" or "v0.6". `strict_ids`: meeting ids must look as the platform makes them.
    `runner`: what bots run in, "processes" of this machine or "containers" of `image`, which need `base_url` and a
    service that offers containers.
    `run_folder`, below the data folder, is where the processes of bots leave their marks. `base_url`: where bots reach
    this server; without it they are told the address that it listens on. `redis_url`: where commands are published for
    bots that listen there, and where bots may append what they heard; nothing is kept there.
    `sweep_interval`, `launch_patience`, `token_lifetime` (0: for ever), `poll` (how long the request of a bot for
    commands waits) and `limits` are seconds.
    """

    admin_token: str = "env:ADMIN_API_TOKEN"
    profile: str = "seed"
    strict_ids: bool = False
    runner: str = "processes"
    image: str = ""
    run_folder: Path = Path("meetings")
    base_url: str = ""
    redis_url: Secret = field(default_factory=lambda: Secret(""))
    sweep_interval: float = 10.0
    launch_patience: float = 30.0
    token_lifetime: float = 0.0
    poll: float = 5.0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ValueError(f"profile is one of {', '.join(PROFILES)}.")
        if self.runner not in {"processes", "containers"}:
            raise ValueError("runner is one of processes, containers.")
        if self.runner == "containers" and not (self.image and self.base_url):
            raise ValueError(
                "The runner containers needs image, what to run, and base_url, where bots reach this server."
            )
        if min(self.sweep_interval, self.launch_patience) <= 0:
            raise ValueError("sweep_interval and launch_patience are numbers of seconds, more than zero.")
        if self.token_lifetime < 0 or not 0 <= self.poll <= 60:
            raise ValueError("token_lifetime is not less than 0, and poll is 0 to 60 seconds.")
