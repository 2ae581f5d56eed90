"""Answers of commands as text for people."""
