"""Bytes of usage files: windows over them, packing, archives, several threads on one file."""
