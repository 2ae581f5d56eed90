"""Documents that no cycle makes: each batch is a run of its own, numbered, posted and settled in the caller's one transaction.

So they share numbers, digest, postings and books with the invoices of the cycle, and are never left half done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from billing import ledger
from billing.allocations import allocate_credit
from billing.charges.book_terms import Terms, clipped
from billing.charges.charge_keys import Kind
from billing.invoicing.digest import Digest
from billing.invoicing.numbering import number_drafts
from billing.runs import posting, states
from billing.runs.numbering import digest_terms
from billing.runs.settlement.settlement import TERM_OF_KIND
from billing.store import tables

if TYPE_CHECKING:
    from billing.charges.book_terms import Term
    from billing.charges.lines import Int64s
    from billing.documents.trying import Work
    from billing.invoicing.drafts import Drafts


class Issued(NamedTuple):
    """The run, the key of its first document, and the commit."""

    run_id: int
    first_key: int
    commit_seq: int


def issue(  # noqa: PLR0913 -- what, and about what
    work: Work, drafts: Drafts, kind: str, detail: object, *, effect: str | None = None, corrects: Int64s | None = None
) -> Issued:
    """Number, post and settle `drafts` (at least one) as a run of this kind; `detail` is its input, stored as JSON.

    Raises UserError where the books of their month are closed.
    """
    connection, seq = work.connection, work.next_seq("invoice")
    run_id = _insert_run(work, drafts, kind, msgspec.json.encode(detail).decode(), seq)
    taken = Digest()
    first_key = number_drafts(connection, run_id, drafts, seq, effect=effect, corrects=corrects, digest=taken)
    terms = {**clipped(_terms(drafts)), **digest_terms(taken)}
    rows = [{"run_id": run_id, "term": name, **term._asdict()} for name, term in sorted(terms.items())]
    connection.execute(tables.run_terms.insert(), rows)
    ledger.post_columns(connection, ledger.with_ids(posting.postings_of(connection, tables.invoices.c.run_id == run_id)), seq)
    connection.execute(tables.run_chunks.insert().values(run_id=run_id, chunk=0, commit_seq=seq))
    # Not of this run alone: a credit of a run that is numbered and not posted yet settles whenever anything is settled, as with a payment.
    allocate_credit(connection, np.unique(drafts.account_key).tolist(), seq)
    return Issued(run_id, first_key, seq)


def _insert_run(work: Work, drafts: Drafts, kind: str, detail: str, seq: int) -> int:
    connection, who = work.connection, work.who
    values = {"bill_date": drafts.issued_on.isoformat(), "pinned_seq": seq, "state": states.POSTED, "started_us": who.now_us}
    added = connection.execute(tables.bill_runs.insert().values(**values, commit_seq=seq, kind=kind, detail=detail)).inserted_primary_key
    assert added is not None
    for state in (states.COMPUTING, states.NUMBERED, states.POSTED):
        states.note_step(connection, int(added[0]), state, who.now_us, states.By(who.by_name, who.by_uid))
    return int(added[0])


def _terms(drafts: Drafts) -> dict[str, Term]:
    """The billing book of such a run: every line is due, and is invoiced."""
    terms, lines = Terms(drafts.currencies), drafts.lines.copy()
    lines["currency"] = np.repeat(drafts.currency, np.diff(drafts.first_line))
    for kind, name in TERM_OF_KIND.items():
        terms.add_lines(name, lines[lines["kind"] == kind])
    usage = lines[lines["kind"] == Kind.USAGE]
    terms.add_lines("line_rounding", usage)  # usage that was not rated here
    terms.add("invoiced_net", drafts.currency, drafts.net_micros())
    terms.add("invoiced_tax", drafts.currency, drafts.tax_micros())
    return terms.by_name
