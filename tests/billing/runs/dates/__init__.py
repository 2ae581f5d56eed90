"""Tests of billing.runs.dates."""
