"""The commands of `ratewright tariffs`, a module each; `server.cli.tariffs` names them."""
