"""Commands of `ratewright dunning`."""
