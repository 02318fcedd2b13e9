"""What people are told about the end of a container."""

from __future__ import annotations

from botserver_containers.decisions.observation import ContainerState

KILLED = 137


def label(exit_code: int) -> str:
    """The word for an exit code: a clean stop is no crash."""
    if exit_code == 0:
        return "stopped"
    return "killed (OOM)" if exit_code == KILLED else "crashed"


def describe_end(state: ContainerState, exit_code: int) -> str:
    """Why it does not run, in a few words."""
    if state in {ContainerState.EXITED, ContainerState.STOPPED}:
        return f"{label(exit_code)}, exit code {exit_code}"
    return {
        ContainerState.ABSENT: "its container is gone",
        ContainerState.CREATED: "it was never started",
        ContainerState.STOPPING: "it is stuck while stopping",
    }.get(state, f"its state is {state}")
