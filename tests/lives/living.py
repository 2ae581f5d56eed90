"""A life from its beginning to its last bill, what must then be true, and the fewest acts that break it."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing import accounts, catalogue
from billing.accounts import exporting
from billing.controls import books
from billing.documents import adjusting
from billing.ledger.closed_months import Who
from billing.runs import cycle
from billing.store import tables
from billing.store.home import Home
from tests.billing.documents import derived_periods
from tests.billing.runs import run_history
from tests.lives import late, plain, story, tariff
from tests.lives.happening import Happening, beginning
from tests.lives.world import ANA, BEN, EPOCH, Act, Start, World, take

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MONTHS_DAYS = 430  # about fourteen months
ONE_NAME = re.compile(r"([A-Z])-(\d+)")


class Lived(NamedTuple):
    """What became of a life. `wrong` is empty where everything is true."""

    start: Start
    acts: list[Act]
    said: list[str]
    wrong: list[str]


def live(seed: int, *, kills: int = 0, days: int = MONTHS_DAYS, fresh: bool = True) -> Lived:
    """A whole life by chance."""
    start = beginning(seed)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), start)
        happening = Happening(start, world.known, kills=kills)
        acts: list[Act] = []
        wrong: list[str] = []
        for act in happening.first():
            acts.append(act)
            world.do(act)
        try:
            while (happening.today - start.opened).days < days:
                for act in happening.next():
                    acts.append(act)
                    world.do(act)
            wrong = judge(world, last_date(acts), fresh=fresh)
        except Exception as error:  # noqa: BLE001 -- whatever breaks is what is looked for
            wrong = [f"{type(error).__name__}: {error}", *_where(error)]
        finally:
            world.home.close()
    return Lived(start, acts, world.said, wrong)


def tell(start: Start, acts: Sequence[Act], *, fresh: bool = False) -> Lived:
    """The same life, or some of it, told again."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), start)
        try:
            for act in acts:
                world.do(act)
            wrong = judge(world, last_date(acts), fresh=fresh)
        except Exception as error:  # noqa: BLE001 -- as above
            wrong = [f"{type(error).__name__}: {error}", *_where(error)]
        finally:
            world.home.close()
    return Lived(start, list(acts), world.said, wrong)


def shrunk(lived: Lived, *, fresh: bool = False) -> Lived:
    """The same kind of failure with as few acts as leaving some out, half by half and then one by one, comes to."""
    best, size = lived, max(len(lived.acts) // 2, 1)
    while size:
        place, before = 0, len(best.acts)
        while place < len(best.acts):
            acts = best.acts[:place] + best.acts[place + size :]
            found = tell(lived.start, acts, fresh=fresh) if acts else best
            if found.wrong and found is not best and _kind(found) == _kind(lived):
                best = found
            else:
                place += size
        if size == 1 and len(best.acts) == before:
            break
        size = max(size // 2, 1)
    return best


def last_date(acts: Sequence[Act]) -> dt.date:
    """A bill date after everything that a life may have told ahead."""
    return (max(act.on for act in acts) + dt.timedelta(75)).replace(day=3)


def judge(world: World, until: dt.date, *, fresh: bool) -> list[str]:
    """Run the last bill, and say what is not true then."""
    world.finish(until)
    wanted = told(world.known.life(), until)
    wrong = [*_unsound(world.home), *world.wrong, *world.lists.wrong(world.home), *late.wrong(world, until)]
    wrong += [*derived_periods.differing(world.home), *run_history.differing(world.home)]
    wrong += differing("the bills", billed(world.home), wanted, inclusive=world.start.inclusive)
    before = _documents(world.home)
    cycle.run(world.home, until, world.tick())
    if _documents(world.home) != before:
        wrong.append(f"a second run made {_documents(world.home) - before} documents more")
    if fresh and not wrong:
        wrong += differing("a fresh home", _from_export(world, until), wanted, inclusive=world.start.inclusive)
    return wrong


Sums = dict[tuple[object, ...], int]


def told(life: story.Life, until: dt.date) -> Sums:
    """The plain bill: lines, and tax as lines of kind tax."""
    lines, taxes = plain.bill(life, until)
    sums: Sums = dict(lines.items())
    return sums | {(payer, "tax", "", 0, tax, start): micros for (payer, tax, start), micros in taxes.items()}


def billed(home: Home) -> Sums:
    """What all documents that are not void come to, but for credits that stand beside the bills; by the same names."""
    line, invoice, account, subscription = tables.invoice_lines, tables.invoices, tables.accounts, tables.subscriptions
    columns = (account.c.account_id, line.c.kind, subscription.c.subscription_id, line.c.charge_code, line.c.tax_class, line.c.period_from)
    query = sa.select(*columns, line.c.amount_micros).join_from(line, invoice).join(account, account.c.account_key == invoice.c.account_key)
    query = query.outerjoin(subscription, subscription.c.subscription_key == line.c.subscription_key)
    void = sa.select(tables.invoice_events.c.invoice_key).where(tables.invoice_events.c.kind == "voided")
    query = query.where(invoice.c.invoice_key.not_in(void), line.c.effect.is_(None) | (line.c.effect != "outside"))
    classes = dict(enumerate(tariff.RATES, start=1))
    sums: Sums = defaultdict(int)
    with home.connect() as connection:
        for payer, kind, name, code, tax, start, micros in connection.execute(query):
            of_tax = kind == "tax"
            sums[payer, kind, "" if of_tax else name or "", 0 if of_tax else code, classes[tax], dt.date.fromisoformat(start)] += micros
    return {key: micros for key, micros in sums.items() if micros}


def differing(what: str, found: Sums, wanted: Sums, *, inclusive: bool) -> list[str]:
    """Where two sums differ. Of prices with tax: net and tax of each payer, class and period alone."""
    if inclusive:
        taxes = {key: micros for key, micros in wanted.items() if key[1] == "tax"}
        found, wanted = _by_class(found), _by_class(wanted)
        for key, micros in taxes.items():
            wanted[key[0], "net", key[4], key[5]] = wanted.get((key[0], "net", key[4], key[5]), 0) - micros  # the gross stands fast
        wanted = {key: micros for key, micros in wanted.items() if micros}
        found = {key: micros for key, micros in found.items() if micros}
    return [
        f"{what}: {' '.join(map(str, key))} is {found.get(key, 0) / 1e6:.2f}, not {wanted.get(key, 0) / 1e6:.2f}"
        for key in sorted({*found, *wanted}, key=str)
        if found.get(key, 0) != wanted.get(key, 0)
    ]


def _by_class(sums: Sums) -> Sums:
    found: Sums = defaultdict(int)
    for key, micros in sums.items():
        found[key[0], "tax" if key[1] == "tax" else "net", key[4], key[5]] += micros
    return found


def _unsound(home: Home) -> list[str]:
    """Books that do not balance, numbers with gaps, accounts put aside."""
    wrong = [f"book {each.name}: {each.left} and {each.right}" for each in books(home) if not each.ok]
    series: dict[str, list[int]] = defaultdict(list)
    with home.connect() as connection:
        for number in connection.execute(sa.select(tables.invoices.c.number)).scalars():
            name = ONE_NAME.fullmatch(number)
            assert name is not None, number
            series[name[1]].append(int(name[2]))
        last = sa.select(sa.func.max(tables.bill_runs.c.run_id)).scalar_subquery()
        aside = list(connection.execute(sa.select(tables.quarantine.c.reason).where(tables.quarantine.c.run_id == last)).scalars())
    wrong += [f"numbers of {name}: {each}" for name, each in series.items() if sorted(each) != list(range(1, len(each) + 1))]
    return wrong + [f"put aside: {reason}" for reason in aside]


def _documents(home: Home) -> int:
    with home.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tables.invoices)).scalar_one())


def _from_export(world: World, until: dt.date) -> Sums:
    """The same facts, usage, tariffs and adjustments in a new home, billed in one run."""
    folder = world.folder / "again"
    exporting.export_files(world.home, folder / "out", "csv")
    with Home.open(folder / "home", create=True) as home:
        life = world.known.life()
        for came, calls in sorted(_as_they_came(dict(life.calls)).items()):
            take(home, tuple(sorted(calls, reverse=True)), (came - EPOCH) // dt.timedelta(microseconds=1))
        for version in world.published:
            catalogue.publish(home, version, world.tick())
        accounts.import_files(home, folder / "out", world.tick(), by=ANA)
        for place, each in enumerate(life.adjustments):
            closed = world.known.closed.get(each.account)
            on = each.on if closed is None else min(each.on, closed - story.ONE_DAY)  # a later one is refused once the closing is known
            why = "late_usage" if each.code == late.CODE else "goodwill"
            wanted = adjusting.AdjustmentRequest(f"r{place}", each.account, on, each.micros, why, "", "life", each.tax, each.subscription)
            for by in (ANA, BEN):
                adjusting.add(home, wanted, Who(by.name, by.uid, world.tick()))
        cycle.run(home, until, world.tick())
        return billed(home)


def _as_they_came(calls: Mapping[story.Call, dt.datetime]) -> dict[dt.datetime, list[story.Call]]:
    found: dict[dt.datetime, list[story.Call]] = defaultdict(list)
    for call, came in calls.items():
        found[came].append(call)
    return found


def _kind(lived: Lived) -> str:
    """What sort of failure: a shrunk life must fail alike."""
    return re.split(r"[:\d]", lived.wrong[0])[0]


def _where(error: Exception) -> list[str]:
    trace = error.__traceback__
    found = []
    while trace is not None:
        found.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return [" > ".join(found[-4:])]
