"""Checked catalogues to the dense tables of the kernel."""
