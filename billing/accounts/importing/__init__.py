"""Imports of accounts: all of it or nothing, every mistake at once."""
