"""BillRunService, and the standard google.longrunning.Operations: runs are started, previewed, decided on and followed here."""
