"""The bill cycle as reconciliation."""
