"""Selection: due accounts, their open periods, and the usage that belongs to them."""
