"""Commands of bill runs and re-ratings by a service."""
