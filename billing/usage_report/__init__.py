"""Figures of intake over a span of days, for those who watch over it. See README.md."""
