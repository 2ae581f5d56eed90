"""Checks of a run and explanations of a charge, worked out by the plain twin."""
