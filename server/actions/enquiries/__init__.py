"""Enquiries about single records in words: the charge, its changes since, its re-ratings, and why no bill has it."""
