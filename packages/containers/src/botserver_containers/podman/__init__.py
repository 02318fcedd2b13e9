"""The one way to containers: a command executor, one adapter over it, and a mock that takes the same commands."""
