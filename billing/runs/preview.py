"""A run without effect: the bills it would make now, the accounts it would put aside, and its refusals; nothing is stored or locked."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from billing.charges.book_terms import rows_of
from billing.charges.charge_keys import Kind
from billing.collection import gate
from billing.invoicing import InvoiceDraft
from billing.invoicing.forms import KIND_NAMES, classes_by_sight, sight
from billing.invoicing.reading import in_page_order
from billing.runs import start, states
from billing.runs.computing import compute
from billing.runs.contracts.columns import index_of
from billing.runs.dates.own_days import own_days
from billing.runs.selection.left_out import TERM
from billing.runs.start import Order
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from billing.invoicing.drafts import Drafts
    from billing.runs.computing import Progress
    from billing.runs.contracts.contracts import Contracts
    from billing.runs.states import Run
    from billing.store.home import Home


class Preview(msgspec.Struct, frozen=True):
    """The bills that a run would make now."""

    bill_date: str
    seq: int
    drafts: tuple[InvoiceDraft, ...]
    account_ids: tuple[str, ...]  # of each draft
    events: dict[str, int]
    left_out: dict[str, int]
    quarantined: dict[str, str]
    put_aside: dict[str, str]  # account_id -> why it would not be billed: held, `passed by`, or for testing
    findings: dict[str, str]  # open ones about usage files, by name: a run refuses while there are any
    refused: str  # why else a run would refuse; empty: it would not
    goes_on: int  # the run of this date that is not finished and would go on, as of its own `seq`; 0: a new one
    waits: bool  # a run would compute its list and number none of it before it is approved


def preview(  # noqa: PLR0913 -- what, when, and how
    home: Home, bill_date: dt.date, now_us: int, *, order: Order | None = None, threads: int = 1, progress: Progress | None = None
) -> Preview:
    """The bills that `run` would make for `bill_date` now; writes nothing. Raises UserError for a date that is years ahead.

    The other reasons for which a run refuses are named beside the bills: a user may want to see these while another run waits for its
    approval.
    """
    wanted = order or Order()
    start.require_date(bill_date, now_us)
    with home.connect() as connection:
        seq = home.head_seq(connection)
        current, refused, waits = _begun(home, connection, bill_date, now_us, wanted, seq)
        findings = gate.in_the_way(connection, bill_date) if current is None else []
    only, issued_on = wanted.accounts, wanted.issued_on
    if current is not None:  # it goes on as it began
        seq, only = current.pinned_seq, start.only_accounts(home, current)
        issued_on = dt.date.fromisoformat(current.issued_on) if current.issued_on else None
    before_run = None if current is None else current.run_id
    computed = compute(
        home, bill_date, seq, threads=threads, only=only, before_run=before_run, everything=wanted.everything, progress=progress
    )
    facts, settlement = computed.contracts.facts, computed.settlement
    drafts = settlement.drafts.dated(issued_on or bill_date)
    left_out = {key: why for key, why in computed.scope.left_out.items() if key not in settlement.quarantined}
    place = {int(key): index for index, key in enumerate(facts.account_keys.tolist())}
    keys = {*drafts.account_key.tolist(), *settlement.quarantined, *left_out}
    names = {key: facts.accounts[place[key]].account_id for key in keys}
    return Preview(
        bill_date=bill_date.isoformat(),
        seq=seq,
        drafts=_told(drafts, computed.contracts, bill_date, [place[key] for key in drafts.account_key.tolist()]),
        account_ids=tuple(names[key] for key in drafts.account_key.tolist()),
        events=rows_of(computed.terms, "events."),
        left_out=rows_of(computed.terms, TERM),
        quarantined=dict(sorted((names[key], reason) for key, reason in settlement.quarantined.items())),
        put_aside=dict(sorted((names[key], f"{kind}: {reason}") for key, (kind, reason) in left_out.items())),
        findings=dict(sorted((each.name, each.text) for each in findings)),
        refused=refused,
        goes_on=before_run or 0,
        waits=waits,
    )


def _told(drafts: Drafts, contracts: Contracts, bill_date: dt.date, account: Sequence[int]) -> tuple[InvoiceDraft, ...]:
    """Drafts as values, with the fields that tell their lines apart. `account`: the index of each draft's account."""
    facts, price_list, lines = contracts.facts, contracts.price_list, drafts.lines
    terms = facts.bill_terms(bill_date)
    subscription = index_of(facts.subscription_keys, lines["subscription_key"]).tolist()
    days, catalogue = own_days(lines, contracts), lines["catalogue"].tolist()
    first, told = drafts.first_line.tolist(), []
    for place, draft in enumerate(drafts.structs()):
        language = terms.languages[int(terms.language[account[place]])].partition("-")[0]
        classes = classes_by_sight(draft.lines)
        own = []
        for row, line in enumerate(draft.lines, first[place]):
            twice = len(classes[sight(line)]) > 1 and line.kind != KIND_NAMES[Kind.TAX]
            tax_name = price_list.tax_text(price_list.identities[catalogue[row]], line.tax_class, language) if twice else ""
            name = facts.subscriptions[subscription[row]].subscription_id if subscription[row] >= 0 else ""
            own.append(msgspec.structs.replace(line, subscription_id=name, days=days[row], tax_name=tax_name))
        told.append(msgspec.structs.replace(draft, lines=in_page_order(own)))
    return tuple(told)


def _begun(  # noqa: PLR0913, PLR0917 -- of what and when, and how
    home: Home, connection: sa.Connection, bill_date: dt.date, now_us: int, order: Order, seq: int
) -> tuple[Run | None, str, bool]:
    """The run of this date that would go on, None for a new one; the refusal of a run; and whether it waits for approval.

    The refusal leaves findings about usage files aside.
    """
    current, waits = None, False
    try:
        current = start.unfinished(home, connection, bill_date, now_us, order)
        waits = start.waits_for_approval(connection, current, order.ahead)
        if current is None:
            start.require_begun(connection, bill_date, now_us, order, seq)
            start.require_books_open(connection, bill_date, order, seq)
        elif current.state == states.COMPUTED and not order.trial and start.may_number(connection, current, order, now_us):
            start.require_still_open(connection, current)
    except UserError as error:
        return current, f"{error.message}; remedy: {error.remedy}", waits
    return current, "", waits
