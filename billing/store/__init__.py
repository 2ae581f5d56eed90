"""State of a home: SQL tables, migrations, sessions and the layout of the home folder."""
