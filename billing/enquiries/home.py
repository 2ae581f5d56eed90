"""The state of a home on one page: each row says one thing and names the command that says more.

Most rows cost a few queries, at any size of the home (counts of accounts and of what waits). Rows of `page_slow` compute over all
accounts or all usage; on a home above QUICK_ACCOUNTS accounts or QUICK_RECORDS records they are left out unless all are asked for, and
say so. Nothing is stored, and nothing is proved: that is what `controls` and `ledger check` are for.
"""

from __future__ import annotations

import collections
import shutil
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing import catalogue, dunning
from billing.accounts import entities
from billing.collection.findings import open_findings
from billing.controls import findings
from billing.dunning.steps import UNDO_ASKED
from billing.enquiries.page_row import Row, instant, some
from billing.enquiries.page_slow import SLOW
from billing.enquiries.waiting import waiting
from billing.ledger import closed_months
from billing.payments.worklist import work_list
from billing.runs import states
from billing.runs.start import waits_for_approval
from billing.store import approvals, schema, settings, tables
from billing.store.location import DATABASE_NAME, of_home
from billing.suspense import proposals
from billing.suspense.waiting import MARKS
from rating.counted import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from billing.store.home import Home

QUICK_ACCOUNTS: Final = 50_000
QUICK_RECORDS: Final = 1_000_000


def status(home: Home, now_us: int, *, everything: bool = False) -> list[Row]:
    """The whole page. `everything`: rows of `page_slow` as well, however large the home is."""
    with home.connect() as connection:
        accounts = _count(connection, tables.accounts)
        records = _records(connection)
    rows = [row for each in (_place, _entities, _accounts, _tariffs) for row in each(home, now_us)]
    is_quick = everything or (accounts <= QUICK_ACCOUNTS and records <= QUICK_RECORDS)
    rows += [work(home, now_us) if is_quick else _not_computed(name, command) for name, command, work in SLOW]
    return [*rows, *(row for each in _QUICK for row in each(home, now_us))]


def _not_computed(name: str, command: str) -> Row:
    return Row(name, "not computed: the home is large (--all computes it here)", command, computed=False)


def _place(home: Home, now_us: int) -> Iterator[Row]:
    place = of_home(home.path)
    database = place.url if place else str(home.path / DATABASE_NAME)
    with home.connect() as connection:
        version, head = schema.version(connection, home.path) or "", home.head_seq(connection)
    kind = "practice home: its documents are not bills" if home.is_practice else "ordinary home"
    figures = {"path": str(home.path.resolve()), "practice": home.is_practice, "database": database, "schema": version, "last_commit": head}
    says = f"{kind}; schema {version}; {database}; last commit {head} of {instant(home.latest_us)}"
    yield Row("home", says, "ratewright db where", figures={**figures, "now": instant(now_us)})


def _entities(home: Home, _now_us: int) -> Iterator[Row]:
    found = entities.list_all(home)
    says = ", ".join(f"{each.entity} ({each.name})" for each in found) or "the one without a name"
    yield Row("entities", says, "ratewright accounts entity list", figures={"entities": [each.entity for each in found]})


def _accounts(home: Home, _now_us: int) -> Iterator[Row]:
    with home.connect() as connection:
        accounts, subscriptions = _count(connection, tables.accounts), _count(connection, tables.subscriptions)
        records = _records(connection)
    says = f"{counted(accounts, 'account')}, {counted(subscriptions, 'subscription')}, {counted(records, 'stored record')}"
    figures = {"accounts": accounts, "subscriptions": subscriptions, "records": records}
    yield Row("accounts", says, "ratewright accounts list", figures=figures)


def _tariffs(home: Home, now_us: int) -> Iterator[Row]:
    published, said = catalogue.published(home), catalogue.decisions(home)
    by_identity = collections.defaultdict(list)
    for each in published:
        by_identity[each.identity].append(each)
    found: dict[str, list[str]] = {}
    for identity, versions in by_identity.items():
        own = [each for each in said if each.identity == identity]
        for version in versions:
            state = catalogue.state_of(version, own, versions, now_us)
            found.setdefault(str(state), []).append(f"{identity}@{version.version}")
    in_force, coming = found.get(catalogue.State.IN_FORCE, []), found.get(catalogue.State.PUBLISHED, [])
    says = f"in force: {some(in_force) or 'none'}" + (f"; to come: {some(coming)}" if coming else "")
    command = f"ratewright tariffs history {min(by_identity)}" if by_identity else "ratewright tariffs publish --help"
    yield Row("tariffs", says, command, attention=not in_force, figures={"in_force": in_force, "coming": coming})


def _runs(home: Home, _now_us: int) -> Iterator[Row]:
    with home.connect() as connection:
        run = states.unfinished(connection)
        waits = run is not None and run.state == states.COMPUTED and waits_for_approval(connection, run)
    if run is None:
        yield Row("unfinished runs", "none", "ratewright bill list", figures={"run": None})
        return
    command = f"ratewright bill approve --run {run.run_id}" if waits else f"ratewright bill run --date {run.bill_date} --resume"
    says = f"run {run.run_id} of {run.bill_date} is {run.state}" + (" and waits for another person" if waits else " and is to be ended")
    yield Row("unfinished runs", says, command, attention=True, figures={"run": run.run_id, "state": run.state, "waits": waits})


def _approvals(home: Home, _now_us: int) -> Iterator[Row]:
    with home.connect() as connection:
        found = approvals.list_all(connection)
    undo = [each.run_id for each in dunning.runs(home) if each.state == UNDO_ASKED]
    beside = waiting(home)
    by = collections.Counter([*(each.by_name for each in found), *(each.by_name for each in beside)])
    told = ", ".join(f"{number} asked for by {name}: for anybody else" for name, number in sorted(by.items()))
    kinds = collections.Counter(each.kind for each in beside)
    figures = {"waiting": len(found) + len(beside), "asked_by": dict(by), "beside": dict(kinds)}
    yield Row("approvals", told or "none wait", "ratewright approvals list", attention=bool(by), figures=figures)
    if undo:
        says = f"undoing run {undo[-1]} waits for another person"
        yield Row("dunning runs", says, "ratewright dunning list", attention=True, figures={"undo_asked": undo})
    waits = [each for each in proposals.proposals(home) if each.state == proposals.State.PROPOSED]
    told = counted(len(waits), "correction, write-off or choice waits", "corrections, write-offs or choices wait")
    says = f"{told} for another person" if waits else "none wait"
    yield Row("suspense proposals", says, "ratewright usage suspense proposals", attention=bool(waits), figures={"waiting": len(waits)})


def _suspense(home: Home, _now_us: int) -> Iterator[Row]:
    """The records that intake put into suspense, by reason; without what rating refused. Versions of one record count once."""
    row, decision = tables.suspense.c, tables.suspense_decisions.c
    decided = sa.exists().where(decision.suspense_id == row.suspense_id)
    records = sa.func.count() - sa.func.count(row.event_key) + sa.func.count(row.event_key.distinct())
    query = sa.select(row.reason, records).where(row.reason.not_in(MARKS), ~decided).group_by(row.reason)
    with home.connect() as connection:
        counts = {reason: int(number) for reason, number in connection.execute(query)}
    told = ", ".join(f"{number:,} {reason}" for reason, number in sorted(counts.items()))
    yield Row(
        "put aside at intake", told or "nothing waits", "ratewright usage suspense", attention=bool(counts), figures={"reasons": counts}
    )


def _files(home: Home, _now_us: int) -> Iterator[Row]:
    with home.connect() as connection:
        found = collections.Counter(each.kind for each in open_findings(connection))
    told = ", ".join(f"{number:,} {kind}" for kind, number in sorted(found.items()))
    yield Row("usage files", told or "no finding is open", "ratewright usage findings", attention=bool(found), figures=dict(found))


def _months(home: Home, _now_us: int) -> Iterator[Row]:
    """Months with bills that are not closed, by legal entity."""
    run = tables.bill_runs.c
    with home.connect() as connection:
        query = sa.select(run.bill_date).where(run.state.in_(states.COUNTED)).distinct()
        months = sorted({str(day)[:7] for day in connection.execute(query).scalars()})
        names = sorted({"", *entities.names(connection)})
        closed = {name: closed_months.newest_closed(connection, name) for name in names}
    still = {name: [month for month in months if month > closed[name]] for name in names}
    through = "; ".join(f"{name or 'without a name'}: closed through {last}" for name, last in closed.items() if last)
    billed = sorted(set().union(*still.values()))
    says = f"open, with bills: {some(billed) or 'none'}" + (f"; {through}" if through else "; none is closed")
    yield Row("months", says, "ratewright ledger months", figures={"closed_through": closed, "open": still})


def _bank(home: Home, _now_us: int) -> Iterator[Row]:
    waits = len(work_list(home))
    says = f"{counted(waits, 'line of a bank file waits', 'lines of bank files wait')}" if waits else "no line of a bank file waits"
    yield Row("bank lines", says, "ratewright payment worklist list", attention=waits > 0, figures={"waiting": waits})


def _controls(home: Home, _now_us: int) -> Iterator[Row]:
    open_ = [each for each in findings.findings(home) if each.is_open]
    says = f"{counted(len(open_), 'finding is', 'findings are')} open"
    says = says if open_ else "no finding is open; results are not stored: `controls` computes them"
    command = "ratewright controls findings" if open_ else "ratewright controls"
    yield Row("controls", says, command, attention=bool(open_), figures={"open_findings": len(open_)})


def _guards(home: Home, _now_us: int) -> Iterator[Row]:
    """Settings that guard and are not as they come, and those that wait."""
    with home.connect() as connection:
        held = {name: settings.text(connection, name) for name, known in settings.SETTINGS.items() if known.guards}
        waits = [f"{each.subject} = {settings.wanted_value(each)}" for each in settings.pending(connection)]
    changed = {name: value for name, value in held.items() if value != settings.SETTINGS[name].default}
    told = ", ".join(f"{name} = {value}" for name, value in {"approval": held["approval"], **changed}.items())
    says = f"{told}; others as they come" + (f"; waits: {', '.join(waits)}" if waits else "")
    yield Row("guards", says, "ratewright settings list", attention=bool(waits), figures={"settings": held, "waiting": waits})


def _disk(home: Home, _now_us: int) -> Iterator[Row]:
    parts = {name: _size(home.path / name) for name in ("usage", "charges")}
    parts["database"] = sum(path.stat().st_size for path in home.path.glob(f"{DATABASE_NAME}*"))
    free = shutil.disk_usage(home.path).free
    told = ", ".join(f"{name} {size / 1e6:,.1f} MB" for name, size in parts.items() if size or name != "database")
    says = f"{told}; {free / 1e9:,.1f} GB free"
    yield Row("disk", says, "ratewright db where", attention=free < sum(parts.values()), figures={**parts, "free": free})


_QUICK: Final[tuple[Callable[[Home, int], Iterator[Row]], ...]] = (
    _runs, _approvals, _suspense, _files, _months, _bank, _controls, _guards, _disk,
)  # fmt: skip


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _records(connection: sa.Connection) -> int:
    row = tables.usage_manifest.c
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(row.rows), 0)).where(row.sealed_at_seq.is_(None))).scalar_one())


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
