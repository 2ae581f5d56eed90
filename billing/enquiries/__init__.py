"""Answers for people who look: the state of an account, of the records of a number, and of a home. Nothing is stored."""
