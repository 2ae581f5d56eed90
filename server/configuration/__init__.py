"""The configuration of the service: command line over environment over one TOML file over defaults. Loads nothing heavy."""
