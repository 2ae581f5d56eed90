"""The commands of `ratewright ledger`."""
