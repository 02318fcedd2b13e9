"""For tests: a runner of bots that are not there, the contract of runners, and a server to play with."""

from botserver_meetings.testing.runner import RUNNER_CONTRACT, FakeRunner, RunnerCheck
from botserver_meetings.testing.world import (
    ADMIN,
    ScriptedBot,
    World,
    create_real_services,
    create_services,
    wait_until,
)

__all__ = [
    "ADMIN",
    "RUNNER_CONTRACT",
    "FakeRunner",
    "RunnerCheck",
    "ScriptedBot",
    "World",
    "create_real_services",
    "create_services",
    "wait_until",
]
