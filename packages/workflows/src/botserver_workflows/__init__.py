"""The workflows service. Importing it opens nothing and reads no environment."""

from botserver_workflows.service import service

__all__ = ["service"]
