"""Answers for people who look: where an account stands, what became of the records of a number, how a home is doing. Nothing is stored."""
