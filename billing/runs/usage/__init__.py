"""Usage to charges: owner, period, allowances, one call of the rating engine, sums by charge key."""
