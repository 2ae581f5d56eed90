"""Records that were taken before: indexes built from the store, and what they prove."""
