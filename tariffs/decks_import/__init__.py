"""From a carrier's rate deck with any columns to the canonical deck of a catalogue, with a preview of what changes."""
