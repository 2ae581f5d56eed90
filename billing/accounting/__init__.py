"""Reports of finance from the ledger, and the work of the ledger at the end of a month."""
