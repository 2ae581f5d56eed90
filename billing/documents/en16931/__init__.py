"""Electronic invoices by EN 16931: UBL 2.1 and CII of a semantic document, and the official rules that judge them. Reads no store.

- words: texts of the writers in the languages of customers
- profiles: specifications by their identifiers, and what each wants beside the norm
- trees: elements of XML, of texts that XML can hold
- norm: a document in the terms and with the signs of the norm
- pricing: quantities and prices of lines
- fitting: from the semantic document to the norm, and findings where it cannot say it
- ubl, cii: both syntaxes
- writing: a document as bytes of XML
- ruling: a process of its own that holds compiled rules
- rules: faults of a file by the official rules
"""
