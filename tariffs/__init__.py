"""Tariff files to checked catalogues and dense tables."""
