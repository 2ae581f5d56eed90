"""TariffService: names, messages and calls."""
