"""Acts of users as functions. The command line and the service both call them; they import neither."""
