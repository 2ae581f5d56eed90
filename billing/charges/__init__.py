"""What a period owes, as pure functions."""
