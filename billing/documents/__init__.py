"""Acts on documents after and beside the cycle: void, reissue, credit notes, opening items, charges and credits by hand.

- finding: a document with the data needed to act on it; aftermath: its later history
- trying: one transaction, committed or only tried
- issuing: documents that no cycle makes, numbered, posted and settled in one transaction
- voiding: an invoice is void: it keeps its number, its postings are turned back, its lines count no more
- undoing: a run of the cycle is taken back, as if it had never been; its obstacles (undo.blockers)
- crediting: credit notes: of a line or of all of an invoice, with the tax that goes with it
- openings: amounts that imported accounts owed before become documents
- adjusting: charges and credits by hand, with reason codes and a limit
- interim: invoices between bill dates
- alarms: bills that are out of the ordinary (abnormal_bills.yaml)
- following: follow-up of a posted run: its books, findings, alarms; also of one after which the process was stopped
- usage_list: every record behind the usage lines of an invoice
- enquiry: unbilled amounts of an account by now
- explaining: every line in words, added up again: due (amounts due), parts and discounts_off (their parts), words (en, zh)
- semantic: documents as data; rendering: their forms
"""
