"""Parties: dated facts about customers and issuers that documents need, and the picture of one on a day."""
