"""Values of fields: times, amounts, numbers, texts, hashes."""
