"""Commands of the ledger by a service."""
