"""The bot that is run as a process: it plays a meeting, and speaks with the manager as a real one would."""
