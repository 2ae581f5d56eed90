"""How our prose is held to plain English."""
