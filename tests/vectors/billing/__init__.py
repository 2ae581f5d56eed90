"""Billing rules that other engines assert, through the product's own functions: one adapter a topic. See ../README.md."""
