"""Re-rating: the effect of a tariff version on billed periods, previewed, decided by a second person, then billed once."""
