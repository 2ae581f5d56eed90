"""Checks that hold our prose to plain English."""
