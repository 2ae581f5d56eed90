"""A small operator for tests: one catalogue, a few accounts, and calls that are written as local times.

Prices are chosen so that a bill can be checked in the head: a national call costs 0.10 a minute, begun minutes count whole.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa
import sqlalchemy as sa

from billing import catalogue, invoicing
from billing.intake.taking import Intake
from billing.runs import cycle
from billing.store import tables
from billing.store.home import Home
from mediation.decoded import Decoded
from rating.model import (
    Allowance,
    Catalogue,
    FeeTiming,
    Plan,
    Price,
    QuantityUnit,
    Rate,
    RecurringFee,
    Service,
    Step,
    TaxClass,
    TaxRate,
    UsageRule,
    Zone,
)
from rating.money import RoundingMode
from rating.schema import USAGE_V1, Direction, LegRole, OffsetOrigin, ServedKind
from tests import template_homes
from tests.billing import behind
from tests.billing.second_person import let_one_give_back

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from billing.runs.reports import RunReport

SECOND_US = 1_000_000
MINUTE_MS = 60_000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
START_US = 1_735_689_600 * SECOND_US  # 2025-01-01T00:00Z
NATIONAL = 100
PREMIUM = 101
BASIC_FEE, PLUS_FEE, LINE_RENT = 200, 201, 202


class Call(NamedTuple):
    """One call of `served` (or a message, data, content), which begins at a local time of Shanghai."""

    served: str
    at: str
    seconds: int
    number: int = 8613900000001
    key: str = ""  # two calls with one key are two versions of one record
    flags: int = 0
    service: Service = Service.VOICE
    volume_bytes: int | None = None
    direction: Direction = Direction.ORIGINATING
    plmn: int | None = None
    rating_group: int | None = None
    amount_micros: int | None = None  # of the content provider
    currency: str | None = None
    dialled: str = ""  # where that is not a number in E.164


def price_of(price_id: int, name: str, code: int, micros_a_minute: int) -> Price:
    """A price a minute; begun minutes count whole."""
    step = Step(0, micros_a_minute, MINUTE_MS, MINUTE_MS)
    rate = Rate("any", (step,), MINUTE_MS)
    return Price(price_id, name, code, 4000 + code, "standard", QuantityUnit.MILLISECOND, (rate,), rounding_mode=RoundingMode.HALF_UP)


def _fee(price_id: int, name: str, micros: int, timing: FeeTiming) -> RecurringFee:
    return RecurringFee(price_id, name, price_id, 5000, "standard", micros, timing)


def shop(version: int = 1, effective_from_us: int = START_US, **changes: Any) -> Catalogue:  # noqa: ANN401 -- fields of a catalogue
    """The catalogue `shop`: plans basic (20 free minutes, 10.00 a month in arrears) and plus (30.00 in arrears, 3.00 in advance)."""
    rules = (UsageRule(Service.VOICE, "national", "National calls"), UsageRule(Service.VOICE, "premium", "Premium calls"))
    allowance = Allowance(1, "free minutes", (Service.VOICE,), QuantityUnit.MILLISECOND, 20 * MINUTE_MS, ("national",))
    plans = (
        Plan("basic", rules, {"en": "Basic"}, (allowance,), (_fee(BASIC_FEE, "Basic", 10_000_000, FeeTiming.ARREARS),)),
        Plan(
            "plus",
            rules,
            {"en": "Plus"},
            (),
            (_fee(PLUS_FEE, "Plus", 30_000_000, FeeTiming.ARREARS), _fee(LINE_RENT, "Line rent", 3_000_000, FeeTiming.ADVANCE)),
        ),
    )
    base = Catalogue(
        "shop",
        version,
        "CNY",
        2,
        "Asia/Shanghai",
        effective_from_us,
        (Zone(1, "national", ("86",)), Zone(2, "premium", ("8690",))),
        (),
        (price_of(NATIONAL, "National calls", 10, 100_000), price_of(PREMIUM, "Premium calls", 11, 2_005_000)),
        plans,
        (TaxClass("standard", 1, (TaxRate(dt.date(2020, 1, 1), 60_000),)),),
        {"en": ""},
    )
    return msgspec.structs.replace(base, **changes)


class World:
    """A home with the shop (or other catalogues) published. Instants grow by one microsecond a step, so that nothing reads a clock."""

    def __init__(self, folder: Path, *, fresh: bool = True, catalogues: Sequence[Catalogue] | None = None) -> None:
        self._wanted = tuple((shop(),) if catalogues is None else catalogues)
        self.home = template_homes.new_home(folder, self._publish_wanted, self._wanted) if fresh else Home.open(folder)
        self.now_us = START_US
        self.catch_up()

    def lived(self, live: Callable[[World], object], *key: object) -> Any:  # noqa: ANN401 -- what a life returns
        """Live in this fresh world: that happens once in a process, and its home is copied afterwards. What `live` returned then.

        Equal keys mean equal lives. A life keeps nothing outside of its home, which nothing but this world has open.
        """
        folder = self.home.path

        def fill(home: Home) -> tuple[int, object]:
            self.home = home
            self._publish_wanted(home)
            found = live(self)
            return self.now_us, found

        self.home.close()
        shutil.rmtree(folder)
        self.home, (self.now_us, found) = template_homes.filled(folder, fill, live.__module__, live.__qualname__, self._wanted, *key)
        return found

    def catch_up(self) -> None:
        """Others may have committed by a clock of theirs."""
        with self.home.connect() as connection:
            last_us = connection.execute(sa.select(sa.func.max(tables.commits.c.at_us))).scalar_one()
        self.now_us = max(self.now_us, last_us or START_US)

    def tick(self) -> int:
        """The next instant."""
        self.now_us += 1
        return self.now_us

    def begun(self, day: dt.date) -> int:
        """The next instant, when a day has begun on every clock: at its noon in Greenwich or later."""
        noon_us = (dt.datetime.combine(day, dt.time(12), dt.UTC) - EPOCH) // dt.timedelta(microseconds=1)
        self.now_us = max(self.now_us, noon_us)
        return self.tick()

    def account(  # noqa: PLR0913 -- columns of accounts.csv
        self,
        account_id: str,
        *,
        bill_day: int = 1,
        opened_on: str = "2025-10-01",
        billed_through: str | None = None,
        timezone: str = "Asia/Shanghai",
        currency: str = "CNY",
    ) -> None:
        """Open an account."""
        self._add(
            tables.accounts,
            account_id=account_id,
            name=f"Customer {account_id}",
            currency=currency,
            timezone=timezone,
            bill_day=bill_day,
            language="en",
            opened_on=opened_on,
            billed_through=billed_through,
            dunning_policy="standard",
            payment_days=14,
        )

    def subscription(  # noqa: PLR0913 -- columns of subscriptions.csv
        self, subscription_id: str, account_id: str, plan: str, number: str, *, from_date: str = "2025-10-01", to_date: str | None = None
    ) -> None:
        """Subscribe an account to a plan, with one number for ever."""
        self._add(
            tables.subscriptions,
            subscription_id=subscription_id,
            account_key=self.key("accounts", "account_key", "account_id", account_id),
            from_date=from_date,
            to_date=to_date,
        )
        self.plan(subscription_id, plan, from_date)
        key = self.key("subscriptions", "subscription_key", "subscription_id", subscription_id)
        self._add(tables.guiding_facts, served_id=number, subscription_key=key, from_us=START_US, to_us=None)

    def plan(self, subscription_id: str, plan: str, from_date: str) -> None:
        """Give a subscription a plan from a date on."""
        key = self.key("subscriptions", "subscription_key", "subscription_id", subscription_id)
        self._add(tables.plan_facts, subscription_key=key, plan=plan, from_date=from_date)

    def end(self, subscription_id: str, to_date: str) -> None:
        """Learn the end of a subscription that had none."""
        key = self.key("subscriptions", "subscription_key", "subscription_id", subscription_id)
        fact = {"kind": "end", "from_date": to_date, "to_date": None, "detail": "{}", "retracts": None, "by_name": "clerk", "by_uid": 1}
        self._add(tables.subscription_facts, subscription_key=key, **fact)

    def own(self, number: str, subscription_id: str) -> None:
        """Learn who owns a number."""
        key = self.key("subscriptions", "subscription_key", "subscription_id", subscription_id)
        self._add(tables.guiding_facts, served_id=number, subscription_key=key, from_us=START_US, to_us=None)

    def take(self, *calls: Call) -> None:
        """Take calls in, as one batch of a stream, when they have ended."""
        usage = usage_table(calls)
        self.now_us = max([self.now_us, *(instant_us(call.at) + call.seconds * SECOND_US for call in calls)])
        batch = Decoded(usage=usage, rejects=[], rows=usage.num_rows, file_sha256=b"\0" * 32, size_bytes=0)
        Intake(self.home).take_batch("switch", batch, self.tick())

    def bill(self, date: str, threads: int = 1) -> RunReport:
        """Run the cycle."""
        self.catch_up()
        day = dt.date.fromisoformat(date)
        return cycle.run(self.home, day, self.begun(day), threads=threads)

    def lines(self, number: str) -> list[tuple[str, str, str, int, int]]:
        """Lines of an invoice as (text, period from, period to, events, amount in cents)."""
        lines = invoicing.get_invoice(self.home, number).lines
        return [(line.text, line.period_from, line.period_to, line.events, line.amount_micros // 10_000) for line in lines]

    def numbers(self, account_id: str | None = None) -> list[str]:
        """Invoice numbers."""
        return [each.number for each in invoicing.list_invoices(self.home, account_id)]

    def key(self, table: str, key: str, name: str, value: str) -> int:
        """The surrogate key of a public id."""
        columns = tables.metadata.tables[table].c
        with self.home.connect() as connection:
            return int(connection.execute(sa.select(columns[key]).where(columns[name] == value)).scalar_one())

    def execute(self, statement: str) -> None:
        """Change the database behind the product's back."""
        with self.home.begin() as connection:
            connection.exec_driver_sql(statement)

    def changed(self, statement: str) -> int:
        """Change the database without its constraints; how many rows were changed."""
        return behind.change(self.home, statement)

    def _publish_wanted(self, home: Home) -> None:
        let_one_give_back(home)
        for place, each in enumerate(self._wanted, 1):
            catalogue.publish(home, each, START_US + place)

    def _add(self, table: sa.Table, **values: object) -> None:
        with self.home.begin() as connection:
            seq = self.home.next_commit_seq(connection, "fact", self.tick())
            connection.execute(table.insert().values(**values, commit_seq=seq))


def instant_us(local: str, zone: str = "Asia/Shanghai") -> int:
    """Microseconds UTC of a local time."""
    return (dt.datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)) - EPOCH) // dt.timedelta(microseconds=1)


def usage_table(calls: tuple[Call, ...]) -> pa.Table:
    """USAGE_V1 of some calls."""
    rows = []
    for call in calls:
        start_us = instant_us(call.at)
        record = call.key or f"{call.served} {call.at}"
        content = f"{record} {call}"
        rows.append(
            {
                "event_key": hashlib.md5(record.encode(), usedforsecurity=False).digest(),
                "content_hash": hashlib.md5(content.encode(), usedforsecurity=False).digest(),
                "source": "switch",
                "record_id": record,
                "raw_file_id": 0,
                "raw_offset": 0,
                "raw_length": 0,
                "service": int(call.service),
                "direction": int(call.direction),
                "leg_role": int(LegRole.CALL),
                "served_kind": int(ServedKind.E164),
                "served_id": call.served,
                "served_raw": call.served,
                "other_e164": None if call.dialled else call.number,
                "other_raw": call.dialled or str(call.number),
                "start_us": start_us,
                "offset_origin": int(OffsetOrigin.GIVEN),
                "duration_us": call.seconds * SECOND_US if call.service is Service.VOICE else None,
                "bytes_up": call.volume_bytes,
                "source_amount_micros": call.amount_micros,
                "source_currency": call.currency,
                "serving_plmn": call.plmn,
                "rating_group": call.rating_group,
                "cause": 16,
                "flags": call.flags,
            }
        )
    return pa.Table.from_pylist(rows, schema=USAGE_V1)
