"""Legs of calls that came in different files: rules by which they are judged, and the call that bills once."""
