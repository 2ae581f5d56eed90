"""Pricing of usage events: money, schema, model, kernel, twin, explain."""
