"""The manifest: what this service offers, what it needs, and which paths are its own."""

from botstate import Service

service = Service(name="workflows", summary="Runs tasks made of steps, whatever happens to their workers.")
