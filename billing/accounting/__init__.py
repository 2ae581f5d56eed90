"""What finance asks of the ledger, and what the ledger does at the end of a month."""
