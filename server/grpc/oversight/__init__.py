"""Services of supervision: proposals that wait for a second person, and the audit trail."""
