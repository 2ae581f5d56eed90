"""Files of a tariff as plain objects with their places."""
