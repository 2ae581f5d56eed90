"""Dates of bill runs: whether one has begun for all accounts that a run would touch, and which of them are due."""
