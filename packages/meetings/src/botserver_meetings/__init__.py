"""The meetings service. Importing it opens nothing and reads no environment."""

from botserver_meetings.service import service

__all__ = ["service"]
