"""What is done with documents after and beside the cycle: void, reissue, credit notes, opening items, charges and credits by hand.

finding      a document with what is needed to act on it; aftermath: what became of it
trying       one transaction, committed or only tried
issuing      documents that no cycle makes, numbered, posted and settled in one transaction
voiding      an invoice is void: it keeps its number, its postings are turned back, its lines count no more
undoing      a run of the cycle is taken back, as if it had never been; what stands in the way of it (undo_blockers)
crediting    credit notes: of a line or of all of an invoice, with the tax that goes with it
openings     what imported accounts owed before becomes documents
adjusting    charges and credits by hand, with reason codes (reasons, reason_codes.yaml) and a limit
interim      invoices between bill dates
alarms       bills that are out of the ordinary (abnormal_bills.yaml)
following    what follows a posted run: its books, findings, alarms; also of one that somebody was stopped after
usage_list   every record behind the usage lines of an invoice
enquiry      what an account has run up that is not billed yet
explaining   every line in words, added up again: due (what was due), parts and discounts_off (of what), words (en, zh)
"""
