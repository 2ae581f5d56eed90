"""A posted run of the cycle is taken back: it counts for no account any more, as if it had never been.

Its documents are void in one transaction, under their numbers; its postings are turned back on their own dates. Credit that their posting
set against them is free again, and alarms that it raised are dismissed. Accounts without a document in it are as if it had not computed
them (`billing.accounts.undone`): so the right run bills what it would have billed without the wrong one.

Rating units with documents that something was built on refuse it (`undo.blockers`), unless `accounts` leaves them out. The first person
proposes the undo; it is done when another person gives the same command. Everything is checked anew then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import sqlalchemy as sa

from billing import ledger
from billing.accounts import covering, undone
from billing.allocations import allocate_credit, undo_invoice
from billing.allocations.items import CHUNK
from billing.allocations.spread import DEPOSIT, PAYMENT
from billing.documents import alarms, voiding
from billing.documents.finding import require_no_run
from billing.documents.trying import Work
from billing.documents.undo.blockers import Blocker, blockers, document_rows
from billing.documents.undo.counts import counts
from billing.persons import Turn, Who, anybody, same_person
from billing.runs import posting, states
from billing.runs.contracts import facts
from billing.runs.contracts.facts import Facts
from billing.runs.lock import only_run
from billing.runs.states import Run
from billing.store import bulk, commit_points, tables
from billing.store.voids import VOIDED
from rating import identifiers
from rating.counted import counted
from rating.errors import Problem, ProblemsError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from billing.store.home import Home

_VOID_THEM: Final = "void its documents, the newest first: ratewright invoice void NUMBER --reason ..."
_OTHERWISE: Final = {  # kinds of run that bill single things, and what takes those back
    "opening": "what the account does not owe is written off: ratewright ledger write-off NUMBER",
    covering.RERATE: f"{_VOID_THEM}; the same request makes a new job then",
}
_NOT_POSTED: Final = {
    states.COMPUTING: "nothing of it counts: ratewright bill abandon --date {date}",
    states.COMPUTED: "nothing of it counts: ratewright bill abandon --date {date}",
    states.REJECTED: "nothing of it counts; its date can be run again",
    states.ABANDONED: "nothing of it counts; its date can be run again",
    states.NUMBERED: "finish it first: ratewright bill run --date {date} --resume",
}


class Taken(msgspec.Struct, frozen=True):
    """A document that is void with its run, as of its own date. Amounts in micro-units."""

    number: str
    account_id: str
    currency: str
    on_date: str
    net_micros: int
    tax_micros: int
    total_micros: int


class Undoing(msgspec.Struct, frozen=True):
    """The effect of undoing a run. `state`: proposed, undone or withdrawn; it would be that, with `dry_run`.

    `accounts`: for how many the run counts no more, with a document or without; `others`: for how many it goes on counting. They are
    counted as its report counts them (`undo.counts`); of an undo for named accounts each of these counts.
    `freed_micros`: money that is free again, by currency.
    `blockers`: what stands in the way; not empty only with `dry_run`. `postings`: how many were turned back, once it is undone.
    """

    run_id: int
    bill_date: str
    state: str
    accounts: int
    documents: tuple[Taken, ...]
    net_micros: dict[str, int]
    tax_micros: dict[str, int]
    total_micros: dict[str, int]
    freed_micros: dict[str, int]
    postings: int = 0
    proposed_by: str = ""
    blockers: tuple[Blocker, ...] = ()
    dry_run: bool = False
    others: int = 0


class Proposed(NamedTuple):
    """A proposal to undo a run that is not agreed to yet. `account_ids`: the accounts that it is for, None: all."""

    run_id: int
    bill_date: str
    account_ids: tuple[str, ...] | None
    reason: str
    by_name: str


class _Proposal(NamedTuple):
    """A proposal that is not agreed to yet."""

    by_name: str
    by_uid: int
    reason: str


class _Wanted(NamedTuple):
    """A run and the accounts for which it is undone. `named`: as stored, None for all; `keys`: accounts that took part, ascending."""

    run: Run
    known: Facts
    named: frozenset[int] | None
    keys: list[int]
    rest: list[int]  # accounts for which the run goes on counting

    @property
    def is_all(self) -> bool:
        """True where the run counts for no account any more."""
        return not self.rest


def undo(  # noqa: PLR0913 -- what, of whom, why and who
    home: Home,
    run_id: int,
    reason: str,
    who: Who,
    *,
    accounts: frozenset[str] | None = None,
    dry_run: bool = False,
    allow: Callable[[Turn], None] = anybody,
) -> Undoing:
    """Propose that a run is undone, or, as another person, agree to it; then it is. `accounts`: only for these ids and their rating units.

    Raises UserError for a run that cannot be undone, without a reason, and for agreeing to one's own proposal. Raises ProblemsError that
    names each rating unit on which something was built. With `dry_run` these are reported. Else `allow` is asked before it is proposed, or
    agreed to, and raises where this person may not do that.
    """
    reason = identifiers.reason(reason, "undoing a run")
    with only_run(home, f"undoing run {run_id}", who.now_us), home.begin(dry_run=dry_run) as connection:
        wanted = _wanted(home, connection, run_id, accounts)
        proposal = _proposal(connection, wanted)
        rows = _documents(connection, wanted)
        found = tuple(blockers(home, connection, run_id, wanted.known, set(wanted.keys)))
        told = _told(home, connection, wanted, rows, found)
        if not dry_run:
            require_free(run_id, wanted.run.bill_date, found)
            _require_other(run_id, proposal, who)
            allow(Turn.ASKS if proposal is None else Turn.AGREES)
        if proposal is None:
            _keep(connection, wanted, undone.PROPOSED, _Act(reason, who, home.next_commit_seq(connection, "undo", who.now_us)))
            told = msgspec.structs.replace(told, state=undone.PROPOSED, proposed_by=who.by_name)
        else:
            postings = 0 if found else _take_back(Work(home, connection, who), wanted, rows, proposal, reason)
            told = msgspec.structs.replace(told, state=undone.UNDONE, proposed_by=proposal.by_name, postings=postings)
        if not dry_run:
            commit_points.reached("undo.before_commit")
    if not dry_run:
        commit_points.reached("undo.committed")
    return msgspec.structs.replace(told, dry_run=dry_run)


def withdraw(home: Home, run_id: int, reason: str, who: Who, *, accounts: frozenset[str] | None = None) -> Undoing:
    """Take back a proposal to undo a run for these accounts, by any person. Raises UserError where there is none."""
    reason = identifiers.reason(reason, "taking back a proposal")
    with home.begin() as connection:
        wanted = _wanted(home, connection, run_id, accounts)
        proposal = _proposal(connection, wanted)
        if proposal is None:
            raise UserError(f"there is no proposal to undo bill run {run_id} for these accounts", "`ratewright bill list` shows proposals")
        _keep(connection, wanted, undone.WITHDRAWN, _Act(reason, who, home.next_commit_seq(connection, "undo", who.now_us)))
        told = _told(home, connection, wanted, _documents(connection, wanted), ())
        commit_points.reached("undo.before_commit")
    commit_points.reached("undo.committed")
    return msgspec.structs.replace(told, state=undone.WITHDRAWN, proposed_by=proposal.by_name)


def proposed(home: Home) -> list[Proposed]:
    """Proposals that wait for another person, oldest first."""
    row, of, account, run = tables.run_undos, tables.run_undo_accounts.c, tables.accounts.c, tables.bill_runs.c
    newest: dict[tuple[int, tuple[str, ...] | None], Any] = {}
    with home.connect() as connection:
        names = sa.select(of.undo_id, account.account_id).join_from(
            tables.run_undo_accounts, tables.accounts, account.account_key == of.account_key
        )
        named: dict[int, list[str]] = {}
        for undo_id, account_id in connection.execute(names.order_by(account.account_id)):
            named.setdefault(undo_id, []).append(account_id)
        for each in connection.execute(sa.select(row).order_by(row.c.undo_id)):
            newest[each.run_id, tuple(named.get(each.undo_id, ())) if each.restricted else None] = each
        dates = dict(connection.execute(sa.select(run.run_id, run.bill_date).where(run.run_id.in_([number for number, _ in newest]))).all())
    gone = {number for (number, of_whom), each in newest.items() if of_whom is None and each.kind == undone.UNDONE}
    return [
        Proposed(number, dates[number], of_whom, each.reason, each.by_name)
        for (number, of_whom), each in newest.items()
        if each.kind == undone.PROPOSED and number not in gone
    ]


def require_few(home: Home, run_id: int, documents_max: int) -> None:
    """Raises UserError where a run has more documents than one answer holds."""
    query = sa.select(sa.func.count()).select_from(tables.invoices).where(tables.invoices.c.run_id == run_id)
    with home.connect() as connection:
        count = int(connection.execute(query).scalar_one())
    if count > documents_max:
        raise UserError(f"bill run {run_id} has {count:,} documents, more than the answer of a call holds", "give the command in the home")


def stored_by(home: Home, commit_seq: int, *, names_accounts: bool) -> Undoing:
    """The result of the act that a commit stored, as its caller got it. `names_accounts`: its call named accounts.

    An undo of all accounts that were left is stored as one of all: the call says which of the proposals it agreed to.
    """
    row, of, before = tables.run_undos, tables.run_undo_accounts.c, commit_seq - 1
    with home.connect() as connection:
        act = connection.execute(sa.select(row).where(row.c.commit_seq == commit_seq)).one()
        run, known = states.find(connection, act.run_id), facts.load(connection, before)
        took_part = np.sort(known.account_keys[_took_part(connection, run, known, before)]).tolist()
        named = frozenset(connection.execute(sa.select(of.account_key).where(of.undo_id == act.undo_id)).scalars())
        keys = sorted(named) if act.restricted else took_part
        wanted = _Wanted(run, known, frozenset(keys) if names_accounts else None, keys, sorted(set(took_part) - set(keys)))
        proposal = None if act.kind == undone.PROPOSED else _proposal(connection, wanted, before)
        told = _told(home, connection, wanted, _documents(connection, wanted, before), (), before)
        postings = 0
        if act.kind == undone.UNDONE:
            count = sa.select(sa.func.count()).select_from(tables.postings)
            postings = int(connection.execute(count.where(tables.postings.c.commit_seq == commit_seq)).scalar_one())
    proposed_by = act.by_name if proposal is None else proposal.by_name
    return msgspec.structs.replace(told, state=act.kind, proposed_by=proposed_by, postings=postings)


class _Act(NamedTuple):
    """The reason, the person, and the commit of an act."""

    reason: str
    who: Who
    seq: int


def require_free(run_id: int, bill_date: str, found: Sequence[Blocker]) -> None:
    """Raises ProblemsError that names all that is in the way."""
    if found:
        name = f"run {run_id} of {bill_date}"
        raise ProblemsError([Problem(name, ", ".join(each.account_ids), each.reason, each.remedy) for each in found])


def _require_other(run_id: int, proposal: _Proposal | None, who: Who) -> None:
    if proposal is not None and same_person(proposal.by_uid, who.by_uid):
        raise UserError(
            f"{proposal.by_name} has proposed to undo bill run {run_id}, and cannot agree to it",
            "another person gives the same command; `--withdraw` takes the proposal back",
        )


def _wanted(home: Home, connection: sa.Connection, run_id: int, accounts: frozenset[str] | None) -> _Wanted:
    """The run, and the accounts. Raises UserError for a run that is none of the cycle, not posted, or undone for them already."""
    run = states.find(connection, run_id)
    if run.kind != states.CYCLE:
        remedy = _OTHERWISE.get(run.kind, _VOID_THEM)
        raise UserError(f"run {run_id} is of the kind {run.kind}: only runs of the cycle are undone", remedy)
    if run.state != states.POSTED:
        raise UserError(f"bill run {run_id} of {run.bill_date} is {run.state}", _NOT_POSTED[run.state].format(date=run.bill_date))
    undone.require_standing(connection, run_id)
    require_no_run(connection, "undoing a run")
    known = facts.load(connection, home.head_seq(connection))
    took_part = _took_part(connection, run, known)
    if not accounts and accounts is not None:
        raise UserError("no account is named", "give ids as --accounts a,b or --accounts @file", exit_status=2)
    if accounts is None:
        return _Wanted(run, known, None, np.sort(known.account_keys[took_part]).tolist(), [])
    chosen = took_part & np.isin(known.account_unit, known.account_unit[_places(run, known, accounts, took_part)])
    keys = np.sort(known.account_keys[chosen]).tolist()
    return _Wanted(run, known, frozenset(keys), keys, known.account_keys[took_part & ~chosen].tolist())


def _took_part(connection: sa.Connection, run: Run, known: Facts, as_of: int | None = None) -> npt.NDArray[np.bool_]:
    """A mask of the accounts that the run covers, as far as it was not undone for them, by a commit if one is given."""
    history = covering.load(connection)
    if as_of is not None:
        history = history._replace(undos=undone.load(connection, as_of))
    keys, seqs = known.account_keys.tolist(), known.account_seq.tolist()
    return np.array([history.covers(key, seq, run.run_id) for key, seq in zip(keys, seqs, strict=True)], np.bool_)


def _places(run: Run, known: Facts, accounts: frozenset[str], took_part: npt.NDArray[np.bool_]) -> list[int]:
    """The places of named accounts. Raises UserError for one that is not known, or for which the run does not count."""
    place_of = {account_id: place for place, account_id in enumerate(known.account_ids.to_pylist())}
    units = set(known.account_unit[took_part].tolist())
    for account_id in sorted(accounts):
        if account_id not in place_of:
            raise UserError(f"no account has the id {account_id}", "`ratewright accounts list` shows all ids", exit_status=2)
        if int(known.account_unit[place_of[account_id]]) not in units:
            what = f"bill run {run.run_id} does not count for account {account_id}"
            raise UserError(f"{what}: it left it out, or is undone for it", "leave it out of --accounts")
    return [place_of[account_id] for account_id in sorted(accounts)]


def _documents(connection: sa.Connection, wanted: _Wanted, as_of: int | None = None) -> list[Any]:
    keys = set(wanted.keys)
    return [row for row in document_rows(connection, wanted.run.run_id, as_of) if row.account_key in keys]


def _proposal(connection: sa.Connection, wanted: _Wanted, as_of: int | None = None) -> _Proposal | None:
    """The proposal about exactly these accounts that was neither agreed to nor taken back, by a commit if one is given."""
    row, of = tables.run_undos, tables.run_undo_accounts.c
    found: _Proposal | None = None
    acts = sa.select(row).where(row.c.run_id == wanted.run.run_id).order_by(row.c.undo_id)
    for each in connection.execute(acts if as_of is None else acts.where(row.c.commit_seq <= as_of)):
        named = connection.execute(sa.select(of.account_key).where(of.undo_id == each.undo_id)).scalars()
        if (frozenset(named) if each.restricted else None) == wanted.named:
            found = _Proposal(each.by_name, int(each.by_uid), each.reason) if each.kind == undone.PROPOSED else None
    return found


def _keep(connection: sa.Connection, wanted: _Wanted, kind: str, act: _Act) -> None:
    """Store an act of the undoing of a run. One that leaves no account for which it counts is about all accounts."""
    named = None if kind == undone.UNDONE and wanted.is_all else wanted.named
    by = {"by_name": act.who.by_name, "by_uid": act.who.by_uid, "at_us": act.who.now_us, "commit_seq": act.seq}
    values = {"run_id": wanted.run.run_id, "kind": kind, "restricted": None if named is None else 1, "reason": act.reason, **by}
    added = connection.execute(tables.run_undos.insert().values(**values)).inserted_primary_key
    assert added is not None
    if named is not None:
        bulk.insert(connection, tables.run_undo_accounts, {"undo_id": [int(added[0])] * len(named), "account_key": sorted(named)})


def _take_back(work: Work, wanted: _Wanted, rows: Sequence[Any], proposal: _Proposal, reason: str) -> int:
    """Undo the run. Returns how many postings were turned back.

    The documents are void by the person who proposed it, as other voids are; both reasons are kept.
    """
    connection, who = work.connection, work.who
    act = _Act(reason, who, work.next_seq("undo"))
    _keep(connection, wanted, undone.UNDONE, act)
    whose = f" for {counted(len(wanted.keys), 'account')}" if wanted.rest else ""
    note = f"run {wanted.run.run_id} is undone{whose}, as {proposal.by_name} proposed: {proposal.reason}"
    proposer = who._replace(by_name=proposal.by_name, by_uid=proposal.by_uid)
    _void(connection, rows, act._replace(reason=note, who=proposer))
    for key in _settled(connection, rows):
        undo_invoice(connection, key, act.seq)
    turned = voiding.turned_each(_postings(connection, wanted.run.run_id, {row.invoice_key for row in rows}))
    posted = ledger.post_columns(connection, ledger.with_ids(turned), act.seq)
    allocate_credit(connection, sorted({row.account_key for row in rows}), act.seq)
    alarms.dismiss_of_run(connection, wanted.run.run_id, set(wanted.keys), note, who, act.seq)
    return posted


def _void(connection: sa.Connection, rows: Sequence[Any], act: _Act) -> None:
    """Each document is void as of its own date."""
    count = len(rows)
    if not count:
        return
    columns: dict[str, Any] = {
        "invoice_key": [row.invoice_key for row in rows],
        "kind": [VOIDED] * count,
        "on_date": [row.issued_on for row in rows],
        "reason": [act.reason] * count,
        "by_name": [act.who.by_name] * count,
        "by_uid": [act.who.by_uid] * count,
        "at_us": [act.who.now_us] * count,
        "commit_seq": [act.seq] * count,
    }
    bulk.insert(connection, tables.invoice_events, columns)


def _settled(connection: sa.Connection, rows: Sequence[Any]) -> list[int]:
    """The documents (keys) that something settles, or that are credit."""
    row, wanted = tables.settlements.c, {each.invoice_key for each in rows}
    invoice = tables.invoices.c
    query = sa.select(row.invoice_key).join_from(tables.settlements, tables.invoices).distinct()
    runs = {each.run_id for each in rows}
    found = {int(key) for key in connection.execute(query.where(invoice.run_id.in_(runs))).scalars()} & wanted
    return sorted(found | {each.invoice_key for each in rows if each.total_micros < 0})


def _postings(connection: sa.Connection, run_id: int, keys: set[int]) -> pa.Table:
    """The postings of documents of a run."""
    invoice = tables.invoices.c
    if len(keys) <= CHUNK:
        return posting.postings_of(connection, invoice.invoice_key.in_(sorted(keys)))
    every = connection.execute(sa.select(invoice.invoice_key).where(invoice.run_id == run_id)).scalars()
    return posting.postings_of(connection, invoice.run_id == run_id, without=set(every) - keys)


def _told(  # noqa: PLR0913, PLR0917 -- what, of which home, and as of when
    home: Home, connection: sa.Connection, wanted: _Wanted, rows: Sequence[Any], found: tuple[Blocker, ...], as_of: int | None = None
) -> Undoing:
    documents = _taken(rows)
    number = counts(home, connection, wanted.run.run_id, wanted.keys, wanted.rest, named=wanted.named is not None, as_of=as_of)
    return Undoing(
        run_id=wanted.run.run_id,
        bill_date=wanted.run.bill_date,
        state="",
        accounts=number.accounts,
        documents=documents,
        net_micros=_summed((each.currency, each.net_micros) for each in documents),
        tax_micros=_summed((each.currency, each.tax_micros) for each in documents),
        total_micros=_summed((each.currency, each.total_micros) for each in documents),
        freed_micros=_freed(connection, rows, as_of),
        blockers=found,
        others=number.others,
    )


def _taken(rows: Sequence[Any]) -> tuple[Taken, ...]:
    return tuple(
        Taken(row.number, row.account_id, row.currency, row.issued_on, int(row.net_micros), int(row.tax_micros), int(row.total_micros))
        for row in rows
    )


def _summed(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Sums by currency."""
    found: dict[str, int] = {}
    for currency, micros in amounts:
        found[currency] = found.get(currency, 0) + micros
    return dict(sorted(found.items()))


def _freed(connection: sa.Connection, rows: Sequence[Any], as_of: int | None) -> dict[str, int]:
    """Payments and deposits that settle these documents, by currency; by a commit if one is given."""
    row, invoice = tables.settlements.c, tables.invoices.c
    currency_of = {each.invoice_key: each.currency for each in rows}
    query = sa.select(row.invoice_key, row.amount_micros).join_from(tables.settlements, tables.invoices)
    money = query.where(invoice.run_id.in_({each.run_id for each in rows}), row.credit_kind.in_((PAYMENT, DEPOSIT)))
    if as_of is not None:
        money = money.where(row.commit_seq <= as_of)
    found = _summed((currency_of[key], int(micros)) for key, micros in connection.execute(money) if key in currency_of)
    return {currency: micros for currency, micros in found.items() if micros}
