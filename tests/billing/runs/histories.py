"""Random histories of a few customers: whatever may be told of the past, between bill runs. Facts are written as they lie in the store."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any, Self

import msgspec

from billing import catalogue
from billing.store import tables
from rating.model import Allowance, QuantityUnit, Service, UsageRule
from tests.billing.runs.world import MINUTE_MS, START_US, Call, World, instant_us, price_of, shop

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from rating.model import Catalogue

FIRST = dt.date(2025, 10, 1)
ACCOUNTS = ("anna", "bela", "carl", "dora", "emil")
BILL_DAYS = {"dora": 15}
NATIONAL_NUMBER, PREMIUM_NUMBER = 8613900000001, 8690100000001
PLANS = ("shop/basic", "shop/plus", "shop/saver")


def catalogue_with_saver(version: int, effective_from_us: int, micros_a_minute: int) -> Catalogue:
    """The shop, and a plan with minutes that are shared, minutes that roll over, and another price for calls within the network."""
    base = shop(version, effective_from_us)
    shared = Allowance(2, "shared", (Service.VOICE,), QuantityUnit.MILLISECOND, 10 * MINUTE_MS, ("national",), shared=True)
    rolling = Allowance(3, "rolling", (Service.VOICE,), QuantityUnit.MILLISECOND, 15 * MINUTE_MS, ("national",), rollover_periods=2)
    rules = (UsageRule(Service.VOICE, "national", "Premium calls", on_net=True), *base.plans[0].rules)
    saver = msgspec.structs.replace(base.plans[0], name="saver", allowances=(shared, rolling), rules=rules)
    prices = (price_of(100, "National calls", 10, micros_a_minute), base.prices[1])
    return msgspec.structs.replace(base, plans=(*base.plans, saver), prices=prices)


class Histories:
    """A world in which random things happen. `today` moves on from bill date to bill date."""

    late_days_max: int | None = None  # what comes later bills nothing on plan saver

    def __init__(self, folder: Path, random_: random.Random) -> None:
        self.world = World(folder)
        self.random = random_
        self.today = FIRST
        self._names = itertools.count(1)
        self._version = 1
        self._publish(START_US + 1, 100_000)
        for number, account_id in enumerate(ACCOUNTS):
            self.world.account(account_id, bill_day=BILL_DAYS.get(account_id, 1))
            for line in range(1, 2 + number % 2):
                plan = PLANS[(number + line) % len(PLANS)]
                self.world.subscription(f"{account_id}-{line}", account_id, plan, self.number(account_id, line))
        self.subscriptions = [f"{account_id}-{line}" for number, account_id in enumerate(ACCOUNTS) for line in range(1, 2 + number % 2)]
        self.things = (
            self.calls, self.calls, self.late_call, self.late_call, self.other_version, self.change_plan, self.end, self.pause, self.payer,
            self.pool, self.discount, self.exempt, self.adjust, self.void, self.retract, self.move_number, self.correct_tariff, self.join,
            self.hold, self.test_account,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.world.home.close()

    def number(self, account_id: str, line: int) -> str:
        """The number that a subscription began with."""
        return f"86138{ACCOUNTS.index(account_id):04}{line:04}"

    def happen(self) -> str:
        """Something happens; what it was."""
        thing = self.random.choice(self.things)
        thing()
        return thing.__name__

    def calls(self) -> None:
        """Usage of the running month."""
        self._call(self._day(0, 30))

    def late_call(self) -> None:
        """Usage of months before."""
        self._call(self._day(-120, 0))

    def other_version(self) -> None:
        """A call again, with another length: neither counts any more."""
        number, day = self._number(), self._day(-100, 20)
        first = Call(number, f"{day}T10:00:00", 60 * self.random.randint(1, 60), NATIONAL_NUMBER, key=f"twice {next(self._names)}")
        self.world.take(first)
        if self.random.random() < 0.5:
            self._pending = first
        earlier = getattr(self, "_pending", first)
        self.world.take(earlier._replace(seconds=earlier.seconds + 61))

    def change_plan(self) -> None:
        """Another plan, from a day of the past or the future on."""
        self.world.plan(self.random.choice(self.subscriptions), self.random.choice(PLANS), str(self._day(-90, 30)))

    def end(self) -> None:
        """An end, or its undoing."""
        kind = self.random.choice(("end", "end", "no_end"))
        self._subscription_fact(kind, self._day(-80, 20))

    def pause(self) -> None:
        """A pause or an outage."""
        start = self._day(-90, 20)
        self._subscription_fact(self.random.choice(("pause", "outage")), start, start + dt.timedelta(self.random.randint(1, 20)))

    def payer(self) -> None:
        """Another account pays, or none any more."""
        other = self.random.choice(("anna", "bela", ""))
        self._account_fact(self.random.choice(("carl", "emil")), "payer", self._bill_date(), {"payer": other})

    def pool(self) -> None:
        """Shared allowances together with another account."""
        self._account_fact("emil", "pool", self._bill_date(), {"root": self.random.choice(("anna", ""))})

    def discount(self) -> None:
        """A percentage off."""
        detail = {"name": "loyalty", "percent_ppm": self.random.choice((50_000, 100_000)), "charge_code": 900, "revenue_code": 9000}
        self._account_fact(self.random.choice(ACCOUNTS), "discount", self._day(-60, 10), detail)

    def exempt(self) -> None:
        """No tax from a day on."""
        self._account_fact(self.random.choice(ACCOUNTS), "tax", self._day(-60, 10), {"exempt": ["*"]})

    def hold(self) -> None:
        """Bills of an account are held for some weeks."""
        start = self._day(-5, 20)
        self._account_fact(self.random.choice(("anna", "bela")), "hold", start, {}, start + dt.timedelta(self.random.randint(5, 40)))

    def test_account(self) -> None:
        """An account is for tests for a while."""
        self._account_fact("bela", "category", self._day(-5, 30), {"category": self.random.choice(("test", "normal", "normal"))})

    def void(self) -> None:
        """An invoice is void."""
        numbers = self.world.numbers()
        if numbers:
            key = self.world.key("invoices", "invoice_key", "number", self.random.choice(numbers))
            with self.world.home.connect() as connection:
                known = connection.execute(tables.invoice_events.select().where(tables.invoice_events.c.invoice_key == key)).first()
            if known is None:
                self._add(tables.invoice_events, invoice_key=key, kind="voided", on_date=str(self.today), reason="wrong", at_us=0)

    def retract(self) -> None:
        """A fact is said never to have held."""
        for table in (tables.account_facts, tables.subscription_facts):
            with self.world.home.connect() as connection:
                rows = connection.execute(table.select().where(table.c.kind != "retraction").order_by(table.c.fact_id)).all()
            if rows and self.random.random() < 0.5:
                row = self.random.choice(rows)
                values = {name: getattr(row, name) for name in ("account_key", "subscription_key", "from_date") if hasattr(row, name)}
                self._add(table, **values, kind="retraction", detail="{}", retracts=row.fact_id)

    def move_number(self) -> None:
        """A number is another subscription's from some instant on, or its end is told."""
        served_id, key = self._number(), self._subscription_key()
        from_us = instant_us(f"{self._day(-60, 20)}T00:00:00")
        if self.random.random() < 0.5:
            fact = tables.guiding_facts
            with self.world.home.connect() as connection:
                last = connection.execute(fact.select().where(fact.c.served_id == served_id).order_by(fact.c.fact_id.desc())).first()
            assert last is not None
            key, from_us, to_us = last.subscription_key, last.from_us, from_us
        else:
            to_us = None
        self._add_plain(tables.guiding_facts, served_id=served_id, subscription_key=key, from_us=from_us, to_us=to_us)

    def correct_tariff(self) -> None:
        """Another version, from a day on that may be past."""
        if self.random.random() < 0.3:
            self._publish(instant_us(f"{self._day(-70, 30)}T00:00:00"), self.random.choice((90_000, 110_000, 120_000)))

    def join(self) -> None:
        """A subscription that began a while ago is told now."""
        name = f"late-{next(self._names)}"
        self.world.subscription(name, self.random.choice(ACCOUNTS), self.random.choice(PLANS), f"86137{next(self._names):08}",
                                from_date=str(self._day(-60, 10)))  # fmt: skip
        self.subscriptions.append(name)

    def _call(self, day: dt.date) -> None:
        number = self.random.choice((NATIONAL_NUMBER, PREMIUM_NUMBER, int(self._number())))
        at = f"{day}T{self.random.randint(0, 23):02}:{self.random.randint(0, 59):02}:{self.random.randint(0, 59):02}"
        self.world.take(Call(self._number(), at, self.random.randint(1, 1800), number, key=f"call {next(self._names)}"))

    def adjust(self) -> None:
        """A charge or credit by hand."""
        self._add(
            tables.adjustments,
            reference=f"adjustment {next(self._names)}",
            account_key=self._account_key(self.random.choice(ACCOUNTS)),
            subscription_key=0,
            on_date=str(self._day(-90, 10)),
            catalogue="shop",
            tax_class="standard",
            charge_code=800,
            revenue_code=8000,
            amount_micros=self.random.choice((1_000_000, 2_500_000)),
            reason_code="courtesy",
            text="By hand",
            approved_by="ana",
            approved_uid=1,
            at_us=0,
        )

    def _publish(self, effective_from_us: int, micros_a_minute: int) -> None:
        self._version += 1
        effective_from_us += self._version  # no two versions begin at one instant
        made = catalogue_with_saver(self._version, effective_from_us, micros_a_minute)
        plans = [msgspec.structs.replace(each, late_usage_days_max=self.late_days_max) for each in made.plans]
        catalogue.publish(self.world.home, msgspec.structs.replace(made, plans=tuple(plans)), self.world.tick())

    def _account_fact(self, account_id: str, kind: str, day: dt.date, detail: dict[str, Any], to: dt.date | None = None) -> None:
        text = msgspec.json.encode(detail).decode()
        until = None if to is None else str(to)
        self._add(
            tables.account_facts, account_key=self._account_key(account_id), kind=kind, from_date=str(day), to_date=until, detail=text
        )

    def _subscription_fact(self, kind: str, day: dt.date, to: dt.date | None = None) -> None:
        until = None if to is None else str(to)
        key = self._subscription_key()
        self._add(tables.subscription_facts, subscription_key=key, kind=kind, from_date=str(day), to_date=until, detail="{}")

    def _add(self, table: Any, **values: Any) -> None:  # noqa: ANN401 -- columns of any table
        self._add_plain(table, **values, by_name="clerk", by_uid=1)

    def _add_plain(self, table: Any, **values: Any) -> None:  # noqa: ANN401 -- columns of any table
        self.world._add(table, **values)  # noqa: SLF001 -- as the world adds rows itself

    def _account_key(self, account_id: str) -> int:
        return self.world.key("accounts", "account_key", "account_id", account_id)

    def _subscription_key(self) -> int:
        return self.world.key("subscriptions", "subscription_key", "subscription_id", self.random.choice(self.subscriptions))

    def _number(self) -> str:
        account_id = self.random.choice(ACCOUNTS)
        return self.number(account_id, self.random.randint(1, 1 + ACCOUNTS.index(account_id) % 2))

    def _day(self, first: int, last: int) -> dt.date:
        return max(FIRST, self.today + dt.timedelta(self.random.randint(first, last)))

    def _bill_date(self) -> dt.date:
        day = self._day(-60, 30)
        return day.replace(day=1)
