"""Commands of accounts by a service."""
