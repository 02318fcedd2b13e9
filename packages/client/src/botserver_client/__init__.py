"""Clients of the workflows service. Importing this opens nothing and reads no environment."""

from botserver_client.blocking import SyncOrchestrationClient, SyncWorkerClient
from botserver_client.deadletters import ChangedDeadLetter, DeadLetter, DeadLetterCount, Resolution
from botserver_client.errors import ClientError, DeadlineError, RefusedError, UnreachableError, UnreadableError
from botserver_client.figures import Bottlenecks, Performance, Slowness, Stay
from botserver_client.orchestration import OrchestrationClient
from botserver_client.registry import Health, Namespace, ServiceHealth, Template, Worker, WorkerHealth
from botserver_client.steps import Step, StepError, StepReadiness, StepResult
from botserver_client.tasks import CreatedTask, Outcome, Pagination, Task, TaskPage, TaskRequest
from botserver_client.worker import WorkerClient

__all__ = [
    "Bottlenecks",
    "ChangedDeadLetter",
    "ClientError",
    "CreatedTask",
    "DeadLetter",
    "DeadLetterCount",
    "DeadlineError",
    "Health",
    "Namespace",
    "OrchestrationClient",
    "Outcome",
    "Pagination",
    "Performance",
    "RefusedError",
    "Resolution",
    "ServiceHealth",
    "Slowness",
    "Stay",
    "Step",
    "StepError",
    "StepReadiness",
    "StepResult",
    "SyncOrchestrationClient",
    "SyncWorkerClient",
    "Task",
    "TaskPage",
    "TaskRequest",
    "Template",
    "UnreachableError",
    "UnreadableError",
    "Worker",
    "WorkerClient",
    "WorkerHealth",
]
