"""Charges to drafts: fees, totals, payers, tax, differences to earlier invoices, lines."""
