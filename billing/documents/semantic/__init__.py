"""Semantic documents: the data of a document for people and machines, without any form. Every rendering reads these structs alone.

- terms: annotations that name the business term of EN 16931 of a field
- parties: the issuer and the customer of a document
- model: documents, their lines, taxes and totals
- subjects: facts about both parties on a day, as parts of a document
- categories: the tax category of EN 16931 of an amount, and the reason where no tax is due
- taxes: the table of taxes of a document
- lines: lines in the order of a page
- third_parties: amounts that are collected for other providers
- sums: totals, and the assertion that lines and tax table agree
- changes: the bill before, and what differs
- findings: data that is missing, told at once
- settled: the part of a document that credit paid as it was posted, and its postings
- invoices: an invoice or a credit note whole
- letters, letters_made: statements, dunning letters, deposit receipts and more; made from what is stored
- reading: both parties from the store, and how to pay
- checking: data that is missing, before any document is made
"""
