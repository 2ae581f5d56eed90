"""Metrics and the log of the service, for those who run it. Neither holds a name, a number or an amount of a customer."""
