"""What must hold in a catalogue, one module a part of it; `tariffs.check` asks them all."""
