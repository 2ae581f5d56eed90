"""Records as blocks of fields, by position in bytes."""
