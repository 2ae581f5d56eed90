"""Sources as data: definitions, their mistakes, their text."""
