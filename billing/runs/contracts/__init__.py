"""Contracts as of a commit, as columns: accounts, subscriptions, plans, agreements, prices."""
