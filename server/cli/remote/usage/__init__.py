"""Calls behind `ratewright usage`."""
