"""AccountService and its messages."""
