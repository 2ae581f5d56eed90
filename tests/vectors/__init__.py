"""Costs that other engines' own tests assert, through our model: twin and kernel must both give them. See README.md."""
