"""Entries of a tariff document into the structs of the model, one module a kind; `tariffs.reading.build` puts them together."""
