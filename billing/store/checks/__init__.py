"""The check of a whole home by `ratewright db check`: schema, constraints, files, and rows that deserve a look."""
