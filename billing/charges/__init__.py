"""The charges due for a period, as pure functions."""
