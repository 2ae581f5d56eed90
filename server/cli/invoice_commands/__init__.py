"""Commands of `ratewright invoice`, one module for each group; imported when called."""
