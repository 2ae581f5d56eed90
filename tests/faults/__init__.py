"""Planted faults: whether the tests catch what would harm a customer or an operator."""
