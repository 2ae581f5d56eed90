"""Acts of users as functions: below the command line and the service, which both call them, and neither of which is imported here."""
