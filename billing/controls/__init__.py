"""The books: each compares two figures that must be equal and that come from different places (files, Parquet, SQL).

    intake      what intake counted                     = what lies in usage files and in suspense, by source
    rating      usage that counts in a run's window     = charge rows of the run + events it left out; events by status = charge rows
    charges     rows and money the manifest names       = rows and money in the charge files; each file = the file that was written;
                gross less discounts                    = charges; events on bills = events on one bill
    billing     charges + fees + totals + line rounding = billed before + invoiced + in quarantine + for testing
    tax         tax as the run computed it              = tax lines; tax of periods = net by the published rates, within two minor units
    fees        fees due by the facts a run pinned      = fee lines (`billing.verification`; when a run ends, of some accounts alone)
    documents   digest of all invoices as numbered      = digest of what is stored; totals of invoices = their lines
    posting     what follows from each line             = the posting that stands there; totals of invoices = net debits of receivables
    ledger      debits                                  = credits, and every posting's hash is its id
    numbers     the last number of each series          = how many documents there are
    late usage  usage that may bill                     = charged + not due + not billable + too late + decided on by people;
                decisions made, records, worth, amounts = decisions and records stored, adjustments
    runs        runs that numbered something            = runs that are known as numbered or posted
    payments    what follows from money that came, went = postings; cash, suspense and deposits in the ledger
    allocations settlements as they are stored          = those that follow from invoices and payments alone; what is left of credit
    receivables balance of the ledger                   = open items - credit not allocated; = what is owed by age, through the same date
    dunning     steps and bars as they were taken       = those that follow from the open items of their day
    suspense    rows kept as bytes                      = rows whose bytes are those that were hashed when they came
    commits     the last number                         = how many there are; each has the hash of itself and of all before it
    catalogues  what was published and repealed         = what lies in the store now, and it has every version that charges name

All figures are integers: rows, or micro-units of one currency. Nothing here changes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.on_use import names_on_use

if TYPE_CHECKING:
    from billing.controls.book import Book
    from billing.controls.collecting import all_ok, books, of_run

__all__ = ["Book", "all_ok", "books", "of_run"]

__getattr__ = names_on_use(__name__, __file__)
