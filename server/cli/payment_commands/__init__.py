"""The commands of `ratewright payment`, one module a subject."""
