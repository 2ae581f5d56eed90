"""What is done with documents after and beside the cycle: void, reissue, credit notes, opening items, charges and credits by hand.

finding      a document with what is needed to act on it
voiding      an invoice is void: it keeps its number, its postings are turned back, its lines count no more
crediting    credit notes: of a line or of all of an invoice, with the tax that goes with it
openings     what imported accounts owed before becomes documents
adjusting    charges and credits by hand, with reason codes and a limit
issuing      documents that no cycle makes, numbered and posted in one transaction
alarms       bills that are out of the ordinary
usage_list   every record behind the usage lines of an invoice
explaining   every line of an invoice in words, added up again
"""
