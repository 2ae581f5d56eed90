"""The commands of `ratewright accounts`, a few related ones a module; `server.cli.accounts` names them."""
