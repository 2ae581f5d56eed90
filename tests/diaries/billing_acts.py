"""What the diary of fourteen months tells, done to a home: one method an act."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from billing import accounts, catalogue, invoicing, payments
from billing.accounting import closing, unbilled
from billing.accounting.month_end import month_of
from billing.accounts import agreements, kinds, lifecycle, numbers
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import adjusting, crediting, voiding
from billing.ledger.closed_months import Who
from billing.payments import giving_back
from billing.payments.giving_back import Back
from billing.payments.writing import Act as Desk
from billing.runs import cycle
from billing.store import tables
from billing.store.home import Home
from tariffs.reading.load import load
from tests.billing.second_person import let_one_give_back, set_by_two
from tests.diaries.billing_page import Line, cents
from tests.lives.story import Call
from tests.lives.tariff import instant_us
from tests.lives.world import take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rating.model import Catalogue
    from tests.diaries.billing_page import Act, Page

FOLDER: Final = Path(__file__).parent / "fourteen-months"
CENT: Final = 10_000
ANA: Final = Operator("ana", 1001)
HEAD: Final = "account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days\n"


class Operated:
    """A home in which a diary happens. Two tariffs are published from the beginning on."""

    def __init__(self, folder: Path, page: Page) -> None:
        self.home = Home.open(folder / "home", create=True)
        let_one_give_back(self.home)
        self.now_us = instant_us(dt.datetime.fromisoformat("2028-01-01T08:00"))
        self.seen = 0  # the newest document that was looked at
        self.names = {81: "welcome"}
        self.numbers: dict[str, str] = {}
        for name in ("tariff-1", "gross"):
            self._publish(name)
        set_by_two(self.home, "reopen_periods_max", "12", self._tick)
        source = folder / "in"
        source.mkdir()
        rows = (f"{name},Customer {name},EUR,Europe/Berlin,{bill_day},en,{first},,standard,14\n" for name, first, bill_day in page.accounts)
        (source / "accounts.csv").write_text(HEAD + "".join(rows))
        (source / "subscriptions.csv").write_text("subscription_id,account_id,plan,from_date,to_date\n")
        (source / "numbers.csv").write_text("served_id,subscription_id,from,to\n")
        accounts.import_files(self.home, source, self._tick(), by=ANA)

    def do(self, act: Act) -> None:
        """Let an act happen, at noon of its day or a moment after the one before."""
        self.now_us = max(self.now_us, instant_us(dt.datetime.combine(act.on, dt.time(12))))
        getattr(self, "_" + act.name.replace(" ", "_"))(act)

    def new_lines(self) -> tuple[list[Line], dict[str, int], dict[Line, str]]:
        """Lines other than of 0.00 of the documents since the last look, the totals of these, and what a line says that it corrects."""
        line, invoice, account, subscription = tables.invoice_lines, tables.invoices, tables.accounts, tables.subscriptions
        corrected = tables.invoices.alias("corrected")
        columns = [invoice.c.invoice_key, invoice.c.number, invoice.c.total_micros, account.c.account_id, subscription.c.subscription_id]
        query = sa.select(*columns, corrected.c.number.label("corrects"), line.c.kind, line.c.charge_code, line.c.tax_class)
        query = query.add_columns(line.c.period_from, line.c.period_to, line.c.amount_micros)
        query = query.join_from(line, invoice).join(account, account.c.account_key == line.c.account_key)
        query = query.outerjoin(subscription, subscription.c.subscription_key == line.c.subscription_key)
        query = query.outerjoin(corrected, corrected.c.invoice_key == line.c.corrects_invoice_key)
        with self.home.connect() as connection:
            rows = list(connection.execute(query.where(invoice.c.invoice_key > self.seen, line.c.amount_micros != 0)))
        self.seen = max((row.invoice_key for row in rows), default=self.seen)
        corrects = {self._line(row): str(row.corrects) for row in rows if row.corrects}
        return [self._line(row) for row in rows], {row.number: row.total_micros // CENT for row in rows}, corrects

    def owed(self, account_id: str) -> int:
        """What an account owes by the ledger, in cents."""
        return self._debits(f"receivable:{account_id}")

    def held(self, name: str) -> int:
        """What the ledger accounts `unbilled`, `deferred` or `provision` hold of all kinds of revenue, in cents."""
        return self._debits(f"{name}%") * (1 if name == "unbilled" else -1)

    def _debits(self, pattern: str) -> int:
        """Debits less credits of some ledger accounts."""
        row, found = tables.postings.c, []
        for side in (row.debit_account, row.credit_account):
            query = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(row.amount_micros), 0), tables.INT64)).where(side.like(pattern))
            with self.home.connect() as connection:
                found.append(int(connection.execute(query).scalar_one()))
        return (found[0] - found[1]) // CENT

    def _line(self, row: sa.Row[tuple[object, ...]]) -> Line:
        name = self.names.get(row.charge_code, "")
        if row.kind == "tax":
            name = "VAT " + {1: "standard", 2: "reduced"}[row.tax_class]
        if row.kind == "adjustment":
            name = "Adjustment"
        subscription = "" if row.kind == "tax" else row.subscription_id or ""
        return Line(row.number, row.account_id, name, subscription, row.period_from, row.period_to, row.amount_micros // CENT)

    def _publish(self, name: str) -> None:
        made = load(FOLDER / f"{name}.yaml")
        catalogue.publish(self.home, made, self._tick())
        self.names.update(_names(made))

    def _tick(self) -> int:
        self.now_us += 1
        return self.now_us

    def _asked(self) -> Asked:
        return Asked(ANA, self._tick())

    def _who(self) -> Who:
        return Who(ANA.name, ANA.uid, self._tick())

    # --- subscriptions

    def _activate(self, act: Act) -> None:
        told = act.told
        wanted = lifecycle.Activation(act.of, told["account"], told["plan"], _day(told["from"]), (told["number"],))
        lifecycle.activate(self.home, self._asked(), wanted)
        self.numbers[act.of] = told["number"]

    def _change_plan(self, act: Act) -> None:
        day = _day(act.told["from"]) if "from" in act.told else None
        lifecycle.change_plan(self.home, self._asked(), act.of, act.told["plan"], day)

    def _pause(self, act: Act) -> None:
        lifecycle.pause(self.home, self._asked(), act.of, _day(act.told["from"]), _until(act), "asked for")

    def _resume(self, act: Act) -> None:
        lifecycle.resume(self.home, self._asked(), act.of, _day(act.told["on"]))

    def _outage(self, act: Act) -> None:
        lifecycle.outage(self.home, self._asked(), act.of, _day(act.told["from"]), _day(act.told["to"]), "no power", "T-1")

    def _end(self, act: Act) -> None:
        lifecycle.end(self.home, self._asked(), act.of, _day(act.told["on"]), "moves")

    def _revive(self, act: Act) -> None:
        lifecycle.revive(self.home, self._asked(), act.of, act.told["reason"])

    def _number(self, act: Act) -> None:
        numbers.give(self.home, self._asked(), self.numbers[act.of], act.of, _day(act.told["from"]), 0)

    def _transfer(self, act: Act) -> None:
        lifecycle.transfer(self.home, self._asked(), act.of, act.told["account"], _day(act.told["on"]), act.told["as"])
        self.numbers[act.told["as"]] = self.numbers[act.of]

    # --- agreements

    def _bill_day(self, act: Act) -> None:
        agreements.change_bill_day(self.home, self._asked(), act.of, int(act.told["day"]), _day(act.told["from"]))

    def _exempt(self, act: Act) -> None:
        detail = kinds.TaxFact(("*",), {}, "certificate 7")
        agreements.agree(self.home, self._asked(), act.of, "tax", _day(act.told["from"]), _until(act), detail)

    def _discount(self, act: Act) -> None:
        told = act.told
        detail = kinds.DiscountFact(
            told["name"], 0, cents(told["amount"]) * CENT, tuple(told["kinds"].split()), (), int(told["code"]), 5003
        )
        agreements.agree(self.home, self._asked(), act.of, "discount", _day(told["from"]), _until(act), detail)

    def _payer(self, act: Act) -> None:
        detail = kinds.PayerFact(act.told["payer"], tuple(act.told["kinds"].split()))
        agreements.agree_for(self.home, self._asked(), act.of, "payer", _day(act.told["from"]), _until(act), detail)

    def _sponsor(self, act: Act) -> None:
        detail = kinds.SponsorFact(act.told["sponsor"], tuple(act.told["kinds"].split()))
        agreements.agree(self.home, self._asked(), act.of, "sponsor", _day(act.told["from"]), _until(act), detail)

    def _pool(self, act: Act) -> None:
        agreements.agree(self.home, self._asked(), act.of, "pool", _day(act.told["from"]), _until(act), kinds.PoolFact(act.told["root"]))

    def _close(self, act: Act) -> None:
        agreements.close(self.home, self._asked(), act.of, _day(act.told["on"]), "leaves")

    # --- usage, tariffs, bills

    def _call(self, act: Act) -> None:
        at, minutes = dt.datetime.fromisoformat(act.told["at"]), int(act.told["minutes"])
        self.now_us = max(self.now_us, instant_us(at + dt.timedelta(minutes=minutes)))  # a stream takes it in when it has ended
        take(self.home, (Call(self.numbers[act.of], at, minutes),), self._tick())

    def _tariff(self, act: Act) -> None:
        self._publish(act.of)

    def _bill(self, act: Act) -> None:
        cycle.run(self.home, _day(act.of), self._tick())

    def _adjust(self, act: Act) -> None:
        told = act.told
        amount, tax = cents(told["amount"]) * CENT, told["class"]
        wanted = adjusting.AdjustmentRequest(
            act.of, told["account"], _day(told["on"]), amount, told["code"], "by hand", told["catalogue"], tax
        )
        adjusting.add(self.home, wanted, self._who())

    def _close_books(self, act: Act) -> None:
        month = month_of(act.of)
        closing.close(self.home, month, "", unbilled.targets(self.home, month), "end of the month", self._who())

    # --- documents and money

    def _void(self, act: Act) -> None:
        voiding.void(self.home, act.of, act.told["reason"], self._who(), on=act.on)

    def _reissue(self, act: Act) -> None:
        voiding.reissue(self.home, act.of, self._who())

    def _credit(self, act: Act) -> None:
        told, code = act.told, {name: code for code, name in self.names.items()}[act.told["line"]]
        places = [each.line_no for each in invoicing.get_invoice(self.home, told["invoice"]).lines if each.charge_code == code]
        amount = cents(told["amount"]) * CENT
        wanted = crediting.CreditRequest(act.of, told["invoice"], places[0], amount, told["effect"], told["code"])
        crediting.credit(self.home, wanted, self._who(), on=act.on)

    def _pay(self, act: Act) -> None:
        amount = cents(act.told["amount"]) * CENT
        payments.record(self.home, act.of, act.told["account"], amount, act.on, "bank", self._tick(), by=ANA)

    def _refund(self, act: Act) -> None:
        amount = cents(act.told["amount"]) * CENT
        back = Back(act.of, "refund", act.on, act.told["payment"], amount_micros=amount, payee="DE02", reason="paid twice")
        giving_back.give_back(self.home, back, Desk(ANA, self._tick()))


def _names(made: Catalogue) -> Iterator[tuple[int, str]]:
    """Charge codes, and what a bill calls them."""
    for price in made.prices:
        yield price.charge_code, price.title["en"]
    for plan in made.plans:
        for each in (*plan.recurring, *plan.one_offs, *plan.commitments, *plan.volume_tiers, *plan.invoice_discounts):
            yield each.charge_code, each.title["en"]


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _until(act: Act) -> dt.date | None:
    return _day(act.told["to"]) if "to" in act.told else None
