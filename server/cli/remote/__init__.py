"""Commands done by a service (`--server`): each function makes the call of a command, and returns what the command prints."""
