"""Invoices and credit notes as PDF, HTML and plain text, from semantic documents alone: nothing here reads the store.

- locales: numbers, amounts and dates as a language or a country writes them
- words: the words of a page, one module a language (words_de, words_en, words_zh)
- fonts: the characters that a PDF can show
- clean: texts of others made safe to show; what is replaced is a finding
- layout: the parts of a page in any form
- qr: the payment as a QR code
- itemised: usage record by record, as an appendix
- parties, payment, charges, details: the parts of a page; page: a page whole
- pdf, html, text: the forms; rendering: a document in one of them
"""
