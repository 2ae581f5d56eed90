"""One module a revision. A revision that was released never changes."""
