"""Conditions on a catalogue, one module a part of it; `tariffs.check` asks them all."""
