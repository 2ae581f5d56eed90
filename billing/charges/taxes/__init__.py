"""Tax of charges: classes and rates, the tax on everything due, prices that hold it, accounts that are exempt."""
