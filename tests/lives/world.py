"""A life told to the product: a home with two accounts, one function an act, and crashes at any commit point of any of them.

An act is plain data, so that a life can be told again without some of its acts. What the product refuses changes nothing, and the record
of what is known (`tests.lives.known`) keeps only what it took. B may pay for A, and A and C may share with B.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from billing import accounts, catalogue, payments
from billing.accounts import agreements, kinds, lifecycle, numbers
from billing.accounts.picture import account_keys, load
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import adjusting, crediting, interim, undoing, voiding
from billing.intake.taking import Intake
from billing.ledger.closed_months import Who
from billing.rerate import jobs
from billing.rerate.request import request
from billing.runs import cycle, states, trial
from billing.runs import start as run_start
from billing.runs.states import By
from billing.store import commit_points, tables
from billing.store.home import Home
from mediation.decoded import Decoded
from rating.errors import ProblemsError, UserError
from tests.billing.runs.world import Call, usage_table
from tests.billing.second_person import let_one_give_back, set_by_two
from tests.lives import late, story, tariff
from tests.lives.known import Known, Sub
from tests.lives.lists import Lists, everything

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
ANA, BEN = Operator("ana", 1001), Operator("ben", 1002)
NATIONAL_NUMBER = 4930000001
REOPENED = "60"  # periods: more than a life has
CHILD = "import sys; from tests.lives.world import run_in_child; run_in_child(*sys.argv[1:])"
IDLE = 30  # accounts with nothing to bill: beside them the others are few, whose usage alone is read again
RUNS = ("run", "resume", "reissue", "trial")
ACCOUNTS = "account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days\n"


class Act(NamedTuple):
    """Something that happens on a day. `crash`: at the so manieth commit point everything stops; 0: it does not."""

    on: dt.date
    name: str
    args: tuple[Any, ...]
    crash: int = 0

    def __repr__(self) -> str:
        words = ", ".join(f"{each}" if isinstance(each, dt.date) else f"{each!r}" for each in self.args)
        return f"{self.on} {self.name}({words})" + (f" crash at {self.crash}" if self.crash else "")


class Start(NamedTuple):
    """How a life begins."""

    seed: int
    opened: dt.date
    bill_day: int
    inclusive: bool
    shared_rolls: bool


class Crash(BaseException):
    """The machine stopped: nothing catches it."""


class World:
    """A home in which a life is told."""

    def __init__(self, folder: Path, start: Start) -> None:
        self.folder = folder
        self.start = start
        random_ = random.Random(start.seed)
        first = tariff.version(random_, start.opened.replace(day=1), shared_rolls=start.shared_rolls)
        self.known = Known(
            start.opened, start.bill_day, start.inclusive, {first.from_date: first}, {first.from_date: 1}, start.shared_rolls
        )
        self.home = Home.open(folder / "home", create=True)
        let_one_give_back(self.home)
        self.now_us = tariff.instant_us(dt.datetime.combine(start.opened, dt.time(12)))
        self.said: list[str] = []
        self.wrong: list[str] = []
        self.lists = Lists()
        self.published = [tariff.catalogue(first, 1, None, inclusive=start.inclusive)]
        catalogue.publish(self.home, self.published[0], self.tick())
        set_by_two(self.home, "reopen_periods_max", REOPENED, self.tick)
        late.limit(self.home, self._who())
        names = (*self.known.accounts, *(f"idle-{number}" for number in range(IDLE)))
        rows = (f"{name},Customer {name},EUR,{tariff.ZONE},{start.bill_day},en,{start.opened},,standard,14" for name in names)
        (folder / "in").mkdir()
        (folder / "in" / "accounts.csv").write_text(ACCOUNTS + "\n".join(rows) + "\n")
        (folder / "in" / "subscriptions.csv").write_text("subscription_id,account_id,plan,from_date,to_date\n")
        (folder / "in" / "numbers.csv").write_text("served_id,subscription_id,from,to\n")
        accounts.import_files(self.home, folder / "in", self.tick(), by=ANA)

    def tick(self) -> int:
        """The next instant."""
        self.now_us += 1
        return self.now_us

    def do(self, act: Act) -> None:
        """Let it happen. After a crash the home is opened again and, but for runs, the same is asked once more."""
        self.now_us = max(self.now_us, tariff.instant_us(dt.datetime.combine(act.on, dt.time(12))))
        work: Callable[..., None] = getattr(self, f"_{act.name}")
        try:
            with _crashing(act.crash):
                work(act.on, *act.args)
            self.said.append(f"{act}")
            if act.name in RUNS:
                self.lists.look(self.home, needed=self.known.approval)
        except Crash as crash:
            self.said.append(f"{act}: {crash}")
            self.home.close()
            self.home = Home.open(self.folder / "home")
            if act.name in RUNS:
                self.lists.look(self.home, needed=self.known.approval)
            else:
                self.do(act._replace(crash=0))
        except (UserError, ProblemsError) as error:
            self.said.append(f"{act}: refused, {error}")

    def finish(self, on: dt.date) -> None:
        """The bill run after everything: of a date later than all others. Raises what it refuses."""
        self.now_us = max(self.now_us, tariff.instant_us(dt.datetime.combine(on, dt.time(12))))
        self._let_go(on)
        self._ordered(on)
        self._let_go(on)
        self.lists.look(self.home, needed=self.known.approval)

    def _let_go(self, on: dt.date) -> None:
        """Whatever is not finished is, with somebody's approval where that is needed."""
        self._resume(on)
        if self._unfinished() is not None:
            self._decide(on, states.APPROVED, BEN)
            self._resume(on)

    def _asked(self, by: Operator = ANA) -> Asked:
        return Asked(by, self.tick())

    def _sub(self, name: str) -> Sub:
        """A subscription that is known. Where the act that made it was refused or left out there is none."""
        if name not in self.known.subscriptions:
            raise UserError(f"there is no {name}", "")
        return self.known.subscriptions[name]

    # --- subscriptions

    def _activate(self, _: dt.date, name: str, account: str, plan: str, day: dt.date, number: str) -> None:
        wanted = lifecycle.Activation(name, account, f"life/{plan}", day, (number,))
        lifecycle.activate(self.home, self._asked(), wanted)
        self.known.subscriptions[name] = Sub(name, account, number, day, {day: plan})

    def _change_plan(self, _: dt.date, name: str, plan: str, day: dt.date) -> None:
        sub = self._sub(name)
        lifecycle.change_plan(self.home, self._asked(), name, f"life/{plan}", day)
        if sub.plan_on(day) != plan:
            sub.plans[day] = plan

    def _pause(self, _: dt.date, name: str, day: dt.date, to: dt.date | None) -> None:
        lifecycle.pause(self.home, self._asked(), name, day, to, "asked for")
        self._sub(name).pauses[day] = to

    def _resume_service(self, _: dt.date, name: str, day: dt.date) -> None:
        lifecycle.resume(self.home, self._asked(), name, day)
        sub = self._sub(name)
        if day not in sub.pauses.values():
            begun = max(start for start, end in sub.pauses.items() if start < day and (end is None or day < end))
            sub.pauses[begun] = day
            sub.resumed.add(begun)

    def _outage(self, _: dt.date, name: str, day: dt.date, to: dt.date) -> None:
        lifecycle.outage(self.home, self._asked(), name, day, to, "no power", "T1")
        self._sub(name).outages[day] = to

    def _end(self, _: dt.date, name: str, day: dt.date) -> None:
        sub = self._sub(name)
        if sub.handed_over:
            raise UserError(f"{name} has another owner", "")
        lifecycle.end(self.home, self._asked(), name, day, "moved")
        sub.end = sub.served_to = day  # also of an end that moves to a later day

    def _revive(self, _: dt.date, name: str) -> None:
        sub = self._sub(name)
        lifecycle.revive(self.home, self._asked(), name, "stays")
        if sub.served_to is not None:
            numbers.give(self.home, self._asked(), sub.number, name, sub.served_to, 0)
        sub.end = sub.served_to = None

    def _transfer(self, _: dt.date, name: str, account: str, day: dt.date, new: str) -> None:
        sub = self._sub(name)
        lifecycle.transfer(self.home, self._asked(), name, account, day, new)
        if new in self.known.subscriptions:
            return
        plans = {day: sub.plan_on(day)} | {start: plan for start, plan in sub.plans.items() if start > day}
        freed = sub.served_to is not None and sub.served_to <= day
        served_to = day if freed else sub.served_to
        self.known.subscriptions[new] = Sub(new, account, sub.number, day, plans, end=sub.end, served_to=served_to, taken_over=True)
        sub.end, sub.handed_over = day, True
        sub.served_to = min(sub.served_to or day, day)

    # --- agreements

    def _bill_day(self, _: dt.date, bill_day: int, day: dt.date) -> None:
        for account in self.known.accounts:
            agreements.change_bill_day(self.home, self._asked(), account, bill_day, day)
            self.known.bill_days.setdefault(account, {})[day] = bill_day

    def _exempt(self, _: dt.date, account: str, day: dt.date, to: dt.date | None) -> None:
        agreements.agree(self.home, self._asked(), account, "tax", day, to, kinds.TaxFact(("*",)))
        self.known.exempt.setdefault(account, {})[day] = to

    def _discount(self, _: dt.date, subject: str, discount: story.Discount) -> None:
        detail = kinds.DiscountFact(discount.name, discount.ppm, discount.micros, discount.kinds, (), discount.code, 5010)
        agreements.agree_with(self.home, self._asked(), subject, "discount", discount.span.start, discount.span.end, detail)
        sub = self.known.subscriptions.get(subject)
        held = sub.discounts if sub is not None else self.known.discounts.setdefault(subject, [])
        held[:] = [each for each in held if (each.name, each.span.start) != (discount.name, discount.span.start)] + [discount]

    def _payer(self, _: dt.date, payer: story.Payer) -> None:
        if payer.family == "sponsor":
            agreements.agree(self.home, self._asked(), payer.subject, "sponsor", *payer.span, kinds.SponsorFact(payer.other, payer.kinds))
        else:
            agreements.agree_with(self.home, self._asked(), payer.subject, "payer", *payer.span, kinds.PayerFact(payer.other, payer.kinds))
        if payer not in self.known.payers:
            self.known.payers.append(payer)

    def _pool(self, _: dt.date, account: str, span: story.Span, root: str) -> None:
        agreements.agree(self.home, self._asked(), account, "pool", *span, kinds.PoolFact(root))
        self.known.pools.setdefault(account, {})[span.start] = span.end, root

    def _hold(self, _: dt.date, account: str, day: dt.date, to: dt.date) -> None:
        agreements.agree(self.home, self._asked(), account, "hold", day, to, kinds.HoldFact("asked for"))

    def _close(self, _: dt.date, account: str, day: dt.date) -> None:
        agreements.close(self.home, self._asked(), account, day, "leaves")
        self.known.closed[account] = day
        for sub in self.known.subscriptions.values():
            if sub.account == account and (sub.end is None or sub.end > day):
                sub.end, sub.served_to = day, min(sub.served_to or day, day)

    def _retract(self, _: dt.date, subject: str, kind: str, day: dt.date, name: str) -> None:
        """A fact never held. Of the closing of an account the ends of its subscriptions stay."""
        sub = self.known.subscriptions.get(subject)
        account = sub.account if sub is not None else subject
        with self.home.connect() as connection:
            customer = load(connection, list(account_keys(connection, [account]).values())).customers
            every = next(each for each in customer.values() if each.account_id == account)
        facts = [fact for each in every.contracts if each.subscription_id == subject for fact in each.facts] if sub else every.facts
        found = [each for each in facts if (each.kind, each.from_date, each.name) == (kind, day, name)]
        if found:
            agreements.retract(self.home, self._asked(), account, found[0].fact_id, "never", of_subscription=sub is not None)
        self._forget(subject, kind, day, name)

    def _forget(self, subject: str, kind: str, day: dt.date, name: str) -> None:
        known, sub = self.known, self.known.subscriptions.get(subject)
        if kind == "closed":
            known.closed.pop(subject, None)
        elif kind == "tax":
            known.exempt.get(subject, {}).pop(day, None)
        elif kind == "pool":
            known.pools.get(subject, {}).pop(day, None)
        elif kind == "discount":
            held = sub.discounts if sub is not None else known.discounts.get(subject, [])
            held[:] = [each for each in held if (each.name, each.span.start) != (name, day)]
        elif kind in {"payer", "sponsor"}:
            family = "sponsor" if kind == "sponsor" else "of subscription" if sub is not None else "of account"
            known.payers[:] = [each for each in known.payers if (each.family, each.subject, each.span.start) != (family, subject, day)]
        elif sub is not None:
            (sub.pauses if kind == "pause" else sub.outages).pop(day, None)

    # --- tariffs, usage, money

    def _version(self, _: dt.date, told: story.Version) -> None:
        number = len(self.published) + 1
        made = tariff.catalogue(told, number, self.known.numbers.get(told.from_date), inclusive=self.start.inclusive)
        catalogue.publish(self.home, made, self.tick())
        self.published.append(made)
        self.known.versions[told.from_date], self.known.numbers[told.from_date] = told, number

    def _calls(self, _: dt.date, calls: tuple[story.Call, ...]) -> None:
        """They come when the last of them has ended, which is still the same day."""
        self.now_us = max(self.now_us, *(_end_us(call) for call in calls))
        now_us = self.tick()
        take(self.home, calls, now_us)
        came = EPOCH + dt.timedelta(microseconds=now_us)
        for call in calls:
            self.known.calls.setdefault(call, came)

    def _late(self, _: dt.date, *how: Any) -> None:  # noqa: ANN401 -- as `late.decide` takes them
        late.decide(self, *how)

    def _late_back(self, _: dt.date, place: int) -> None:
        late.take_back(self, place)

    def _adjust(self, _: dt.date, reference: str, told: story.Adjustment) -> None:
        self._enter(reference, told, ANA)
        held = self.known.pending if abs(told.micros) > 100 * tariff.UNIT else self.known.adjustments
        held.setdefault(reference, told)

    def _approve(self, _: dt.date, reference: str) -> None:
        if reference in self.known.pending:
            self._enter(reference, self.known.pending[reference], BEN)
            self.known.adjustments[reference] = self.known.pending.pop(reference)

    def _enter(self, reference: str, told: story.Adjustment, by: Operator) -> None:
        wanted = adjusting.AdjustmentRequest(
            reference, told.account, told.on, told.micros, "goodwill", "by hand", "life", told.tax, told.subscription
        )
        adjusting.add(self.home, wanted, self._who(by))

    def _pay(self, on: dt.date, payment_id: str, account: str, micros: int) -> None:
        payments.record(self.home, payment_id, account, micros, on, "bank", self.tick())

    # --- documents, runs

    def _void(self, on: dt.date, place: int) -> None:
        voiding.void(self.home, self._invoice(place), "wrong", self._who(), on=max(on, self._issued(place)))

    def _reissue(self, _: dt.date, place: int) -> None:
        voiding.reissue(self.home, self._invoice(place), self._who())

    def _credit(self, on: dt.date, reference: str, place: int, line: int, cents: int | None, effect: str) -> None:  # noqa: PLR0913, PLR0917 -- what a credit is of
        wanted = crediting.CreditRequest(
            reference, self._invoice(place), line or None, None if cents is None else cents * story.CENT, effect, "goodwill"
        )
        crediting.credit(self.home, wanted, self._who(), on=max(on, self._issued(place)))

    def _run(self, _: dt.date, date: dt.date, how: str) -> None:
        only = frozenset({how}) if how in self.known.accounts else None
        self._ordered(date, accounts=only, everything=how == "everything")

    def _undo(self, _: dt.date, place: int, how: str) -> None:
        """Of the `place`th newest run, for all or for one account: proposed, unless it is already, and agreed to."""
        run = tables.bill_runs.c
        with self.home.connect() as connection:
            query = sa.select(run.run_id).where(run.kind == states.CYCLE, run.state == states.POSTED).order_by(run.run_id.desc())
            every = list(connection.execute(query).scalars())
        if not every:
            raise UserError("there is no run", "")
        run_id, only = every[place % len(every)], frozenset({how}) if how in self.known.accounts else None
        with contextlib.suppress(UserError):
            undoing.undo(self.home, run_id, "wrong", self._who(), accounts=only)
        undoing.undo(self.home, run_id, "wrong", self._who(BEN), accounts=only)

    def _ordered(self, date: dt.date, **how: Any) -> None:  # noqa: ANN401 -- fields of an order
        cycle.run(self.home, date, self.tick(), order=cycle.Order(by=By(*ANA[:2]), **how))

    def _trial(self, _: dt.date, date: dt.date) -> None:
        """Nothing but the run itself is another afterwards."""
        there = everything(self.home)
        self._ordered(date, trial=True)
        now = everything(self.home)
        self.wrong += [f"the trial of {date} has changed {name}" for name in now if now[name] != there[name]]
        run = self._waiting()
        if run is not None:
            trial.compare(self.home, run.run_id)
        else:
            self.wrong.append(f"the trial of {date} has left no list that waits")

    def _approval(self, _: dt.date, needed: str) -> None:
        set_by_two(self.home, "approval", needed, self.tick)
        self.known.approval = needed == run_start.REQUIRED

    def _decide(self, _: dt.date, kind: str, by: Operator) -> None:
        """Of the list that waits. Who has ordered it does not approve it."""
        run = self._waiting()
        if run is None:
            raise UserError("no list waits", "")
        states.decide(self.home, run.run_id, kind, By(*by[:2]), "looked at", self.tick())
        if kind == states.APPROVED:
            self.lists.approved(run.run_id)
            self.wrong += [f"{by.name} approved what {by.name} had ordered"] if run.by.uid == by.uid else []

    def _killed(self, _: dt.date, date: dt.date, point: str) -> None:
        """A run in a process of its own, which kills itself at a commit point."""
        words = [sys.executable, "-c", CHILD, str(self.folder / "home"), str(date), str(self.tick())]
        env = {**os.environ, commit_points.VARIABLE: point}
        self.home.close()
        done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        self.home = Home.open(self.folder / "home")
        assert done.returncode in {0, -signal.SIGKILL} or "UserError" in done.stderr, done.stderr
        self.lists.look(self.home, needed=self.known.approval)
        self.said.append(f"a process was killed at {point}" if done.returncode < 0 else "it came through")

    def _interim(self, on: dt.date) -> None:
        interim.run(self.home, on, self._who())

    def _rerate(self, on: dt.date, plan: str, day: dt.date, months: str) -> None:
        if day not in self.known.numbers:
            raise UserError("there is no such version", "")
        job = jobs.plan(self.home, request(f"life/{plan}", self.known.numbers[day], months, None), self._who())
        if job.state == jobs.WAITING:
            jobs.decide(self.home, job.job_id, jobs.APPROVED, "", self._who(BEN))
        jobs.apply(self.home, job.job_id, on, self._who())

    def _resume(self, _: dt.date) -> None:
        date = self._unfinished()
        if date is not None:
            self._ordered(date)

    def _abandon(self, _: dt.date) -> None:
        date = self._unfinished()
        if date is not None:
            cycle.abandon(self.home, date, states.Step(self.tick()))

    def _waiting(self) -> states.Run | None:
        with self.home.connect() as connection:
            run = states.unfinished(connection)
        return run if run is not None and run.state == states.COMPUTED else None

    def _unfinished(self) -> dt.date | None:
        with self.home.connect() as connection:
            current = states.unfinished(connection)
        return dt.date.fromisoformat(current.bill_date) if current is not None else None

    def _who(self, by: Operator = ANA) -> Who:
        return Who(by.name, by.uid, self.tick())

    def who_is(self, name: str) -> Who:
        """One of the two people, now."""
        return self._who({"ana": ANA, "ben": BEN}[name])

    def _invoice(self, place: int) -> str:
        """The `place`th newest document."""
        with self.home.connect() as connection:
            every = list(connection.execute(sa.select(tables.invoices.c.number).order_by(tables.invoices.c.invoice_key.desc())).scalars())
        if not every:
            raise UserError("there is no invoice", "")
        return str(every[place % len(every)])

    def _issued(self, place: int) -> dt.date:
        invoice = tables.invoices.c
        with self.home.connect() as connection:
            query = sa.select(invoice.issued_on).where(invoice.number == self._invoice(place))
            return dt.date.fromisoformat(connection.execute(query).scalar_one())


def take(home: Home, calls: tuple[story.Call, ...], now_us: int) -> None:
    """Take calls in as a batch of a stream, which a call that has not ended is kept out of."""
    usage = usage_table(tuple(Call(each.number, str(each.at), _seconds(each), NATIONAL_NUMBER) for each in calls))
    begun = [tariff.instant_us(each.at) for each in calls]
    place = usage.schema.get_field_index("start_us")
    usage = usage.set_column(place, usage.schema.field(place), pa.array(begun, usage.schema.field(place).type))
    batch = Decoded(usage, [], usage.num_rows, b"\0" * 32, 0, future_tolerance_us=0)
    Intake(home).take_batch("switch", batch, now_us)


def _seconds(call: story.Call) -> int:
    return call.minutes * 60 - 7


def _end_us(call: story.Call) -> int:
    return tariff.instant_us(call.at) + _seconds(call) * 1_000_000


def run_in_child(folder: str, date: str, now_us: str) -> None:
    """What a process of its own does."""
    with Home.open(Path(folder)) as home:
        cycle.run(home, dt.date.fromisoformat(date), int(now_us))


class _crashing:  # noqa: N801 -- used like a function
    """Within it, the so manieth commit point is the last."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.real = commit_points.reached

    def __enter__(self) -> None:
        commit_points.reached = self.reached

    def __exit__(self, *_: object) -> None:
        commit_points.reached = self.real

    def reached(self, name: str) -> None:
        """In the place of `commit_points.reached`."""
        self.real(name)
        self.left -= 1
        if self.left == 0:
            raise Crash(name)
