"""Looks for what would go wrong here: checks of the machine, the place and what a server connects to."""

from botserver.doctor.examination import examine
from botserver.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
