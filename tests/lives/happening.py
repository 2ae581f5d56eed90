"""What happens in a life: acts by chance, that know what was told before so that most of them are taken.

To customers: activate, change_plan, pause, resume_service, outage, end, revive, transfer, close, retract. Agreed: bill_day, exempt,
discount, payer, pool, hold. Usage and tariffs: calls (new, late, again), version, rerate. Money: adjust, approve, pay, void, reissue,
credit.
Late usage: late (bill or write off what the product lists), late_back.
Runs: run, undo, trial, resume, abandon, interim, approval (whether lists need it), decide (approve or reject the one that waits).
"""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING

from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.runs import states
from billing.runs.start import REQUIRED
from billing.store import commit_points
from tests.lives import story, tariff
from tests.lives.world import ANA, BEN, Act, Start

if TYPE_CHECKING:
    from tests.lives.known import Known, Sub

OFTEN = (*tariff.PLANS, "clan", "clan", "clan")
KINDS = ((), (), ("usage", "volume"), ("recurring",), ("one_off", "commitment"))
RUN_POINTS = [name for name in commit_points.POINTS if name.startswith("run.")]
WEIGHTS = {
    "calls": 24, "late_calls": 12, "again": 3, "change_plan": 12, "pause": 6, "resume_service": 4, "outage": 4, "end": 4, "revive": 5,
    "activate": 3, "transfer": 3, "bill_day": 2, "exempt": 2, "discount": 5, "payer": 5, "hold": 1, "version": 6, "adjust": 5, "approve": 2,
    "pay": 3, "void": 6, "reissue": 3, "credit": 8, "run": 14, "resume": 5, "abandon": 2,
    "undo": 6, "pool": 6, "trial": 4, "decide": 5, "approval": 2, "interim": 6, "rerate": 3, "retract": 5, "close": 1,
}  # fmt: skip


def beginning(seed: int) -> Start:
    """How a life begins: late in 2027, on any bill day, now and then with prices that hold their tax."""
    random_ = random.Random(seed)
    opened = dt.date(2027, 11, random_.randint(1, 28))
    return Start(seed, opened, random_.choice((1, 1, 15, 28, 29, 30, 31)), random_.random() < 0.25, random_.random() < 0.5)


class Happening:
    """Acts one after the other; `today` goes on by some days with each."""

    def __init__(self, start: Start, known: Known, *, kills: int = 0) -> None:
        self.random = random.Random(f"life {start.seed}")
        self._late_random = random.Random(f"late {start.seed}")  # its own: what else happens is what it was without such acts
        self.known = known
        self.today = start.opened
        self.kills = kills
        self._names = 0
        self._billed: list[dt.date] = []

    def first(self) -> list[Act]:
        """Four subscriptions to begin with, mostly two of them in a pool."""
        begun = ((1, "A", OFTEN), (2, self.random.choice("AB"), ("plus",)), (3, "B", ("clan",)), (4, "C", OFTEN))
        acts = [
            Act(self.today, "activate", (f"S{number}", account, self.random.choice(of), self.today, f"49171000{number}"))
            for number, account, of in begun
        ]
        if self.random.random() < 0.8:
            acts += [Act(self.today, "pool", (each, story.Span(self.today, None), "B")) for each in self.random.choice(("A", "C", "AC"))]
        return acts

    def next(self) -> list[Act]:
        """The next act: a run where one is due, or anything; and perhaps somebody decides on late usage."""
        return [*self._next(), *self._on_late()]

    def _on_late(self) -> list[Act]:
        """A decision on late usage, or one that is taken back."""
        chance = self._late_random
        acts = []
        if chance.random() < 0.2:
            kind, how = chance.choice((BILLED, BILLED, WRITTEN_OFF)), chance.choice(("one", "one", "account", "month", "both"))
            day = chance.choice((None, max(self.known.opened, self.today - dt.timedelta(chance.randint(0, 60)))))
            micros = chance.choice((None, None, None, 77 * story.CENT, 6_000_000)) if kind == BILLED else None
            acts.append(("late", (kind, how, chance.randint(0, 5), day if kind == BILLED else None, micros)))
        if chance.random() < 0.06:
            acts.append(("late_back", (chance.randint(0, 5),)))
        return [Act(self.today, name, args, chance.randint(1, 3) if chance.random() < 0.2 else 0) for name, args in acts]

    def _next(self) -> list[Act]:
        self.today += dt.timedelta(self.random.choice((0, 1, 2, 3, 4, 6, 9)))
        acts = []
        due = [each for each in self.known.bill_dates(self.today) if each <= self.today and each not in self._billed]
        if due and self.random.random() < 0.5:
            if self.random.random() < 0.8:  # what a crash left is finished or forgotten first
                acts.append(self._act(self.random.choice(("resume", "resume", "abandon")), ()))
                acts.append(Act(self.today, "resume", ()))
            acts.append(self._act(*self.random.choice((("run", (due[-1], self._how())), ("run", (due[-1], "all")), ("trial", (due[-1],))))))
            if self.random.random() < (0.7 if self.known.approval else 0.1):
                acts.append(self._act("decide", self._decide()))
                acts.append(self._act("resume", ()))
            self._billed += due
            if self.kills and self.random.random() < 0.4:
                self.kills -= 1
                acts.append(Act(self.today, "killed", (due[-1], self.random.choice(RUN_POINTS))))
        name = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        args = getattr(self, f"_{name}")()
        names = {"late_calls": "calls", "again": "calls"}
        return acts if args is None else [*acts, self._act(names.get(name, name), args)]

    def _act(self, name: str, args: tuple[object, ...]) -> Act:
        crash = 0
        if self.random.random() < (0.35 if name in {"run", "reissue", "resume"} else 0.08):
            crash = self.random.randint(1, 12 if name in {"run", "reissue"} else 3)
        return Act(self.today, name, args, crash)

    def _how(self) -> str:
        return self.random.choice(("all", "all", "all", "all", "everything", "A"))

    def _day(self, first: int, last: int) -> dt.date:
        """A day so far from today, not before the life began."""
        return max(self.known.opened, self.today + dt.timedelta(self.random.randint(first, last)))

    def _some(self) -> Sub:
        return self.random.choice(list(self.known.subscriptions.values()))

    def _caller(self) -> Sub:
        """Whose call it is: more often one with a plan that shares, so that what is shared is used up."""
        known = list(self.known.subscriptions.values())
        return self.random.choice([*known, *(each for each in known if each.plan_on(self.today) == "clan")])

    def _subject(self) -> str:
        return self.random.choice([*self.known.accounts, *self.known.subscriptions])

    def _name(self, letter: str) -> str:
        self._names += 1
        return f"{letter}{self._names}"

    def _to(self, day: dt.date, longest: int) -> dt.date:
        return day + dt.timedelta(self.random.randint(1, longest))

    def _edge(self) -> dt.date:
        """A bill date of the last months or the next one."""
        dates = [self.known.opened, *self.known.bill_dates(self.today + dt.timedelta(25))]
        return self.random.choice(dates[-5:])

    def _calls(self) -> tuple[object, ...] | None:
        return self._usage(-9, 0)

    def _late_calls(self) -> tuple[object, ...] | None:
        return self._usage(-150, 0)

    def _usage(self, first: int, last: int) -> tuple[object, ...] | None:
        taken = {each.at for each in self.known.calls}
        calls = []
        for _ in range(self.random.randint(1, 8)):
            hour, minute, second = self.random.randint(6, 22), self.random.randint(0, 59), self.random.randint(0, 59)
            at = dt.datetime.combine(self._day(first, last), dt.time(hour, minute, second))
            if at not in taken:
                taken.add(at)
                calls.append(story.Call(self._caller().number, at, self.random.choice((1, 2, 5, 8, 13, 30))))
        return (tuple(calls),) if calls else None

    def _again(self) -> tuple[object, ...] | None:
        known = sorted(self.known.calls)
        return (tuple(self.random.sample(known, min(3, len(known)))),) if known else None

    def _change_plan(self) -> tuple[object, ...]:
        sub = self._some()
        return sub.name, self.random.choice(OFTEN), max(sub.start, self._day(-100, 40))

    def _pause(self) -> tuple[object, ...]:
        sub = self._some()
        day = max(sub.start, self._day(-80, 20))
        return sub.name, day, self.random.choice((None, self._to(day, 40)))

    def _resume_service(self) -> tuple[object, ...] | None:
        paused = [(sub, start) for sub in self.known.subscriptions.values() for start, end in sub.pauses.items() if end is None]
        if not paused:
            return None
        sub, start = self.random.choice(paused)
        return sub.name, max(start + story.ONE_DAY, self._day(-40, 10))

    def _outage(self) -> tuple[object, ...]:
        sub = self._some()
        day = max(sub.start, self._day(-60, 0))
        return sub.name, day, self._to(day, 6)

    def _end(self) -> tuple[object, ...]:
        sub = self._some()
        return sub.name, max(sub.start + story.ONE_DAY, self._day(-60, 30))

    def _revive(self) -> tuple[object, ...] | None:
        ended = [each.name for each in self.known.subscriptions.values() if each.end is not None]
        return (self.random.choice(ended),) if ended else None

    def _activate(self) -> tuple[object, ...] | None:
        if len(self.known.subscriptions) > 7:
            return None
        name = self._name("S")
        return f"{name}x", self.random.choice("ABC"), self.random.choice(OFTEN), self._day(-70, 30), f"4917200{name[1:]}"

    def _transfer(self) -> tuple[object, ...] | None:
        sub = self._some()
        other = self.random.choice([each for each in self.known.accounts if each != sub.account])
        return sub.name, other, max(sub.start + story.ONE_DAY, self._day(-60, 20)), self._name("T")

    def _bill_day(self) -> tuple[object, ...]:
        return self.random.choice((1, 10, 15, 28, 31)), self._day(-70, 60)

    def _exempt(self) -> tuple[object, ...]:
        day = self._day(-100, 30)
        return self.random.choice("ABC"), day, self.random.choice((None, self._to(day, 90)))

    def _discount(self) -> tuple[object, ...]:
        day = self._day(-90, 30)
        span = story.Span(day, self.random.choice((None, self._to(day, 80))))
        kinds = self.random.choice(((), ("recurring",), ("usage", "volume")))
        if self.random.random() < 0.5:
            return self._subject(), story.Discount("percent", span, 81, self.random.choice((50_000, 125_000, 333_333)), 0, kinds)
        return self._subject(), story.Discount("gift", span, 82, 0, self.random.choice((1_000_000, 3_330_000)), kinds)

    def _payer(self) -> tuple[object, ...]:
        kinds = self.random.choice(KINDS)
        span = story.Span(self._edge(), None)
        subs = [each.name for each in self.known.subscriptions.values() if each.account == "A"]
        family = self.random.choice(("of account", "sponsor", "of subscription") if subs else ("of account", "sponsor"))
        return (story.Payer(family, self.random.choice(subs) if family == "of subscription" else "A", span, "B", kinds),)

    def _pool(self) -> tuple[object, ...]:
        """A or C with B, which is with nobody else."""
        first = self._edge()
        later = [each for each in self.known.bill_dates(self.today + dt.timedelta(90)) if each > first]
        return (
            self.random.choice("AC"),
            story.Span(first, self.random.choice((None, None, *later[:1]))),
            self.random.choice(("B", "B", "B", "")),
        )

    def _hold(self) -> tuple[object, ...]:
        day = self._day(-5, 20)
        return "B", day, self._to(day, 40)

    def _version(self) -> tuple[object, ...]:
        day = self.random.choice((*self.known.versions, self._day(-120, 20), self._day(-40, 20)))
        return (tariff.version(self.random, day, shared_rolls=self.known.shared_rolls),)

    def _adjust(self) -> tuple[object, ...]:
        cents = self.random.choice((150, 777, 2500, 15_001)) * self.random.choice((1, -1))
        sub = self.random.choice([None, *self.known.subscriptions.values()])
        account, name = (self.random.choice("ABC"), "") if sub is None else (sub.account, sub.name)
        tax = self.random.choice(("standard", "reduced"))
        return self._name("adjustment "), story.Adjustment(account, name, self._day(-90, 5), cents * story.CENT, tax, 902)

    def _approve(self) -> tuple[object, ...] | None:
        return (self.random.choice(list(self.known.pending)),) if self.known.pending else None

    def _pay(self) -> tuple[object, ...]:
        return self._name("payment "), self.random.choice("ABC"), self.random.randint(100, 9000) * story.CENT

    def _void(self) -> tuple[object, ...]:
        return (self.random.randint(0, 1),)

    def _reissue(self) -> tuple[object, ...]:
        return (self.random.randint(0, 1),)

    def _credit(self) -> tuple[object, ...]:
        line = self.random.choice((0, 1, 1, 2, 3, 4))
        cents = self.random.choice((None, 50, 100, 333)) if line else None
        return self._name("credit "), self.random.randint(0, 5), line, cents, self.random.choice(("advance", "advance", "outside"))

    def _run(self) -> tuple[object, ...] | None:
        dates = [each for each in self.known.bill_dates(self.today) if each <= self.today]
        return (dates[-1], self._how()) if dates else None

    def _undo(self) -> tuple[object, ...]:
        return self.random.choice((0, 0, 0, 1, 2)), self.random.choice(("all", "all", "A", "B", "C"))

    def _trial(self) -> tuple[object, ...] | None:
        dates = [each for each in self.known.bill_dates(self.today) if each <= self.today]
        return (dates[-1],) if dates else None

    def _decide(self) -> tuple[object, ...]:
        return self.random.choice(((states.APPROVED, BEN), (states.APPROVED, BEN), (states.APPROVED, ANA), (states.DECISION_REJECTED, BEN)))

    def _approval(self) -> tuple[object, ...]:
        return (self.random.choice((REQUIRED, "none")),)

    def _interim(self) -> tuple[object, ...]:
        return ()

    def _rerate(self) -> tuple[object, ...]:
        month = self._day(-120, -20)
        day = self.random.choice(list(self.known.versions))
        return self.random.choice(tariff.PLANS), day, f"{month:%Y-%m}"

    def _close(self) -> tuple[object, ...] | None:
        return (self.random.choice("AAC"), self._day(-20, 30)) if (self.today - self.known.opened).days > 200 else None

    def _retract(self) -> tuple[object, ...] | None:
        known = self.known
        facts = [(name, "tax", day, "") for name, days in known.exempt.items() for day in days]
        facts += [(name, "pool", day, "") for name, days in known.pools.items() for day in days]
        facts += [(name, "closed", day, "") for name, day in known.closed.items()]
        held = {**known.discounts, **{name: each.discounts for name, each in known.subscriptions.items()}}
        facts += [(name, "discount", each.span.start, each.name) for name, every in held.items() for each in every]
        facts += [(each.subject, "sponsor" if each.family == "sponsor" else "payer", each.span.start, "") for each in known.payers]
        for each in known.subscriptions.values():
            facts += [(each.name, "pause", day, "") for day in each.pauses if day not in each.resumed]
            facts += [(each.name, "outage", day, "") for day in each.outages]
        return self.random.choice(facts) if facts else None

    def _resume(self) -> tuple[object, ...]:
        return ()

    def _abandon(self) -> tuple[object, ...]:
        return ()
