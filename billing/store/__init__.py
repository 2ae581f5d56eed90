"""Where the state lives: SQL tables, migrations, sessions and the layout of the home folder."""
