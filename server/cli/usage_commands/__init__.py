"""The commands of `ratewright usage`, a module each; `server.cli.usage` names them."""
