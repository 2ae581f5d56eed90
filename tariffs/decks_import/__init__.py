"""From a carrier's rate deck, whatever its columns, to the canonical deck of a catalogue, with a preview of what changes."""
