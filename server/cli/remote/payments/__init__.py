"""Commands of payments by a service."""
