"""Tests of the verification of runs."""
