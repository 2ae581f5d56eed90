"""Usage that runs have left out for good: every record with its reason and its worth, and sums by account."""
