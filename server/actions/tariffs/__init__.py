"""Tariffs as a user has them: checked and drafted from files, reviewed, published, repealed, listed, and shown as sheets."""
