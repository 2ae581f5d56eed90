"""Undoing of a run: its obstacles, the accounts that it is about, and usage that moved to other accounts."""
