"""One thin module a group of commands: `add_arguments(actions)`, and one function an action."""
