"""The state as those see it who watch: one document, and what changes in it."""
