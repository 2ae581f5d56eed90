"""Collection: usage files from a watched folder into the store, each once, and what is missing or wrong among them."""
