"""The containers service. Importing it opens nothing and reads no environment."""

from botserver_containers.service import service

__all__ = ["service"]
