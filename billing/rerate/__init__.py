"""Re-rating: what a version of a tariff changes in periods that are billed, previewed, decided by a second person, then billed once."""
