"""Statements of banks into the store: whose account it is, which statement follows which, what each booking means for the books.

`importing.import_statements` is the door; `billing.payments.statements` decodes the files.
"""
