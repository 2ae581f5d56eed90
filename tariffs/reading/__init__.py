"""Tariff files read: YAML and CSV to the model, with every mistake and its place."""
