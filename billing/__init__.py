"""The stateful domain: facts, intake, cycles, invoices, ledger, payments, dunning."""
