"""A small desk for tests: accounts, documents put straight into the books, and money that comes and goes. Amounts are given in units."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING

import sqlalchemy as sa

from billing import allocations, ledger, payments
from billing.accounting import balances
from billing.catalogue import Operator
from billing.payments import books, cash_desk, deposits, giving_back, instalments, postings, promises
from billing.payments.giving_back import Back
from billing.store import tables
from billing.store.home import Home
from tests import template_homes
from tests.billing.second_person import let_one_give_back

if TYPE_CHECKING:
    from pathlib import Path

    from billing.payments.recording import Recorded

UNIT = 1_000_000
Amount = float | str | Fraction  # as a row of a table writes it
START_US = 1_796_083_200 * UNIT  # 2026-12-01T00:00Z, after every date of the tests
ANA = Operator("ana", 2001)


def day(text: str) -> dt.date:
    """A date of 2026, such as 02-28."""
    return dt.date.fromisoformat(f"2026-{text}")


def units(amount: Amount) -> int:
    """Micro-units of an amount as it is written, with two decimal places."""
    return round(Fraction(str(amount)) * 100) * 10_000


class Desk:
    """A home with the account anna in CNY."""

    def __init__(self, folder: Path, *, fresh: bool = True) -> None:
        self.now_us = START_US
        self.tried = False  # whether acts are only tried
        self.home = template_homes.new_home(folder, self._begin) if fresh else Home.open(folder)

    @property
    def act(self) -> payments.Act:
        """Ana does something, a microsecond later than before."""
        self.now_us += 1
        return payments.Act(ANA, self.now_us, self.tried)

    def account(self, account_id: str, currency: str = "CNY", entity: str | None = None) -> None:
        """Open an account."""
        with self.home.begin() as connection:
            seq = self.home.next_commit_seq(connection, "fact", self.now_us)
            values = {
                "name": f"Customer {account_id}",
                "timezone": "Asia/Shanghai",
                "bill_day": 1,
                "language": "en",
                "opened_on": "2025-01-01",
            }
            values |= {"dunning_policy": "standard", "payment_days": 14, "commit_seq": seq, "legal_entity": entity}
            connection.execute(tables.accounts.insert().values(account_id=account_id, currency=currency, **values))

    def _begin(self, home: Home) -> None:
        let_one_give_back(home)
        self.home = home
        self.account("anna")

    def entity(self, name: str) -> None:
        """A further legal entity."""
        with self.home.begin() as connection:
            seq = self.home.next_commit_seq(connection, "fact", self.now_us)
            values = {"name": name, "invoice_prefix": name.upper(), "credit_prefix": f"{name.upper()}-C", "commit_seq": seq}
            connection.execute(tables.legal_entities.insert().values(entity=name, **values))

    def invoice(  # noqa: PLR0913 -- what a document says
        self, number: str, total: Amount, due: str = "02-15", account_id: str = "anna", *, about: str | None = None, posted: bool = True,
        issued: str = "02-01",
    ) -> None:  # fmt: skip
        """Put a document into the books as a run does: numbered in one commit, posted in another. Below zero it is a credit note."""
        with self.home.begin() as connection:
            seq = self.home.next_commit_seq(connection, "run", self.now_us)
            run = tables.bill_runs.insert().values(
                bill_date="2026-02-01", pinned_seq=seq, state="posted" if posted else "numbered", started_us=0, commit_seq=seq, kind="cycle"
            )
            run_id = connection.execute(run).inserted_primary_key[0]  # type: ignore[index]  # it has a primary key
            account = connection.execute(sa.select(tables.accounts).where(tables.accounts.c.account_id == account_id)).one()
            values = {
                "number": number, "account_key": account.account_key, "run_id": run_id, "currency": account.currency,
                "period_from": "2026-01-01", "period_to": "2026-02-01",
                "issued_on": day(issued).isoformat(), "due_on": day(due).isoformat(),
                "net_micros": units(total), "tax_micros": 0, "total_micros": units(total), "commit_seq": seq,
                "document_type": "credit_note" if total < 0 else None, "corrects_invoice_key": self.key(about) if about else None,
            }  # fmt: skip
            connection.execute(tables.invoices.insert().values(**values))
        if posted:
            self.post(number)

    def line(self, number: str, line_no: int, charge_code: int, amount: Amount) -> None:
        """Give a document a line, of which only code and amount matter here."""
        zeros = dict.fromkeys(
            ("subscription_key", "price_id", "revenue_code", "tax_class", "events", "quantity", "free_quantity", "quantity_unit"), 0
        )
        texts = {"kind": "one_off", "period_from": "2026-01-01", "period_to": "2026-02-01", "text": ""}
        values = {
            "line_no": line_no,
            "account_key": 1,
            "charge_code": charge_code,
            "exact_micros": units(amount),
            "amount_micros": units(amount),
        }
        with self.home.begin() as connection:
            connection.execute(tables.invoice_lines.insert().values(invoice_key=self.key(number), **values, **zeros, **texts))

    def post(self, number: str) -> None:
        """Post a numbered document, as the second half of a run."""
        with self.home.begin() as connection:
            seq = self.home.next_commit_seq(connection, "invoice", self.now_us)
            invoice, account = tables.invoices.c, tables.accounts.c
            row = connection.execute(
                sa.select(invoice, account.account_id).join_from(tables.invoices, tables.accounts).where(invoice.number == number)  # type: ignore[call-overload]  # all columns
            ).one()
            receivable = ledger.receivable(row.account_id)
            entry = ledger.posting(
                number,
                1,
                "line",
                debit=receivable,
                credit="revenue:1",
                currency=row.currency,
                signed_micros=row.total_micros,
                posted_on=row.issued_on,
            )
            assert entry is not None
            ledger.post(connection, [entry], seq)
            connection.execute(tables.bill_runs.update().where(tables.bill_runs.c.run_id == row.run_id).values(state="posted"))
            allocations.allocate_credit(connection, [row.account_key], seq, run_id=row.run_id)

    def void(self, number: str, on: str = "02-20") -> None:
        """Void an invoice: undo what settles it, turn its postings round."""
        with self.home.begin() as connection:
            seq = self.home.next_commit_seq(connection, "invoice", self.now_us)
            row = connection.execute(sa.select(tables.invoices).where(tables.invoices.c.number == number)).one()
            values = {
                "invoice_key": row.invoice_key,
                "on_date": day(on).isoformat(),
                "reason": "wrong",
                "at_us": self.now_us,
                "commit_seq": seq,
            }
            connection.execute(tables.invoice_events.insert().values(kind="voided", by_name="ana", by_uid=1, **values))
            allocations.undo_invoice(connection, row.invoice_key, seq)
            entry = ledger.posting(
                number, 1, "void", debit="revenue:1", credit=ledger.receivable(self.owner(number)), currency=row.currency,
                signed_micros=row.total_micros, posted_on=day(on).isoformat(),
            )  # fmt: skip
            assert entry is not None
            ledger.post(connection, [entry], seq)
            allocations.allocate_credit(connection, [row.account_key], seq)

    def write_off(self, document: str, number: str, amount: Amount) -> None:
        """Write off a part of an invoice, or take that back with an amount below zero: then credit may settle it again."""
        with self.home.begin() as connection:
            seq = self.home.next_commit_seq(connection, "ledger", self.now_us)
            row = connection.execute(sa.select(tables.invoices).where(tables.invoices.c.number == number)).one()
            part = {"credit_kind": "write_off", "credit_id": document, "invoice_key": row.invoice_key}
            connection.execute(tables.settlements.insert().values(**part, amount_micros=units(amount), commit_seq=seq))
            entry = ledger.posting(
                f"{document}:{amount}", 0, "write_off", debit="write_off", credit=ledger.receivable(self.owner(number)),
                currency=row.currency, signed_micros=units(amount), posted_on="2026-02-20",
            )  # fmt: skip
            assert entry is not None
            ledger.post(connection, [entry], seq)
            if amount < 0:
                allocations.allocate_credit(connection, [row.account_key], seq)

    def pay(  # noqa: PLR0913 -- the fields of a payment
        self,
        payment_id: str,
        amount: Amount,
        on: str = "02-10",
        account_id: str = "anna",
        *,
        numbers: tuple[str, ...] = (),
        reference: str = "bank",
    ) -> Recorded:
        """A payment through the bank."""
        act = self.act
        return payments.record(
            self.home, payment_id, account_id, units(amount), day(on), reference, act.now_us, numbers=numbers, by=ANA, dry_run=act.dry_run
        )

    def cash(self, payment_id: str, amount: Amount, till: str = "front", on: str = "02-10", account_id: str = "anna") -> cash_desk.Paid:
        """A payment at the desk."""
        return cash_desk.pay(self.home, till, payments.Payment(payment_id, account_id, units(amount), day(on), "bank"), self.act)

    def back(  # noqa: PLR0913 -- the fields of what goes back
        self, reference: str, kind: str, payment_id: str | None, amount: Amount | None = None, on: str = "02-20", *,
        number: str | None = None, fee: Amount = 0, reopens: bool = True, payee: str = "", reason: str = "",
    ) -> giving_back.GivenBack:  # fmt: skip
        """Money goes back."""
        micros = None if amount is None else units(amount)
        told = Back(reference, kind, day(on), payment_id, number, micros, units(fee), payee, reason, reopens)
        return giving_back.give_back(self.home, told, self.act)

    def deposit(self, deposit_id: str, amount: Amount, on: str = "02-01", account_id: str = "anna") -> deposits.Held:
        """Take a deposit."""
        return deposits.take(self.home, deposits.Deposit(deposit_id, account_id, units(amount), day(on)), self.act)

    def move(self, reference: str, deposit_id: str, kind: str, amount: Amount | None = None, on: str = "02-20") -> deposits.Held:
        """Release (`applied`) or refund (`refunded`) a deposit."""
        micros = None if amount is None else units(amount)
        return deposits.move(self.home, deposits.Movement(reference, deposit_id, kind, day(on), micros), self.act)

    def promise(self, promise_id: str, amount: Amount, made: str, due: str) -> promises.Promised:
        """Anna promises to pay."""
        return promises.promise(self.home, promises.Promise(promise_id, "anna", units(amount), day(made), day(due)), self.act)

    def agree(  # noqa: PLR0913 -- what a plan says
        self, plan_id: str, agreed: str = "02-20", *, parts: str = "", equal: int = 0, first: str | None = None, numbers: str = ""
    ) -> instalments.Plan:
        """Agree on a plan; parts such as `03-01=10 04-01=5.50`."""
        dated = tuple((day(when), units(amount)) for when, amount in (each.split("=") for each in parts.split()))
        wanted = instalments.PlanRequest(plan_id, "anna", day(agreed), tuple(numbers.split()), dated, equal, day(first) if first else None)
        return instalments.agree(self.home, wanted, self.act)

    def end(self, plan_id: str, on: str = "02-25") -> instalments.Plan:
        """End a plan."""
        return instalments.end(self.home, plan_id, day(on), "", self.act)

    def set(self, name: str, value: str) -> None:
        """Change a setting."""
        with self.home.begin() as connection:
            seq = self.home.next_commit_seq(connection, "setting", self.now_us)
            values = {"name": name, "value": value, "by_name": "ana", "by_uid": 2001, "at_us": self.now_us, "commit_seq": seq}
            connection.execute(tables.billing_settings.insert().values(**values))

    def open(self, account_id: str = "anna") -> str:
        """What is open, such as `R-1@02-15=10.00`; credit documents below zero."""
        with self.home.connect() as connection:
            key = self._account_key(connection, account_id)
            items = allocations.open_items(connection, [key])
        return " ".join(f"{item.number}@{item.due_on:%m-%d}={item.open_micros / UNIT:.2f}" for item in items)

    def credit(self, account_id: str = "anna") -> str:
        """What is left of payments and deposits, such as `p1=3.00`."""
        with self.home.connect() as connection:
            found = allocations.unallocated(connection, [self._account_key(connection, account_id)])
        return " ".join(f"{each.credit_id}={each.left_micros / UNIT:.2f}" for each in found)

    def settled(self) -> str:
        """What settles what by now, such as `p1>R-1=10.00`."""
        with self.home.connect() as connection:
            number = {row.invoice_key: row.number for row in connection.execute(sa.select(tables.invoices))}
            sums: dict[tuple[str, str], int] = {}
            for part in allocations.stored(connection):
                key = part.credit_id, number[part.invoice_key]
                sums[key] = sums.get(key, 0) + part.amount_micros
        return " ".join(f"{credit}>{invoice}={amount / UNIT:.2f}" for (credit, invoice), amount in sorted(sums.items()) if amount)

    def balances(self, *names: str) -> dict[str, float]:
        """Balances of ledger accounts in units, debits less credits; those that are zero are left out."""
        with self.home.connect() as connection:
            found = {each.account: each.balance_micros / UNIT for each in balances.trial_balance(connection, every_customer=True)}
        return {name: amount for name, amount in sorted(found.items()) if amount and (not names or name in names)}

    def wrong(self) -> list[str]:
        """Names of the books that do not balance, receivables among them. Empty is good."""
        with self.home.connect() as connection:
            return self.wrong_in(connection)

    def wrong_in(self, connection: sa.Connection) -> list[str]:
        """The same, inside a transaction."""
        state = sa.select(tables.bill_runs.c.run_id).where(tables.bill_runs.c.state == "numbered")
        invoice = tables.invoices.c
        rows = connection.execute(sa.select(tables.invoices).where(invoice.run_id.in_(state)))
        waiting = {row.invoice_key: row.total_micros for row in rows}
        found = [book.name for book in books.money_books(connection, waiting.keys()) if book.left != book.right]
        owed = sum(item.open_micros for item in allocations.open_items(connection))
        credit = sum(each.left_micros for each in allocations.unallocated(connection))
        booked = sum(
            each.balance_micros
            for each in balances.trial_balance(connection, every_customer=True)
            if each.account.startswith(ledger.RECEIVABLE)
        )
        return found if booked == owed - credit - sum(waiting.values()) else [*found, "receivables"]

    def key(self, number: str) -> int:
        """The key of a document."""
        with self.home.connect() as connection:
            return int(connection.execute(sa.select(tables.invoices.c.invoice_key).where(tables.invoices.c.number == number)).scalar_one())

    def owner(self, number: str) -> str:
        """Whose a document is."""
        query = sa.select(tables.accounts.c.account_id).join_from(tables.invoices, tables.accounts)
        with self.home.connect() as connection:
            return str(connection.execute(query.where(tables.invoices.c.number == number)).scalar_one())

    def rows(self) -> dict[str, int]:
        """How many rows every table has that money writes."""
        names = (
            "payments", "settlements", "credits_left", "payment_events", "bank_files", "bank_lines", "bank_line_decisions", "deposits",
            "deposit_events", "promises", "instalment_plans", "instalments", "postings", "commits", "number_series",
        )  # fmt: skip
        with self.home.connect() as connection:
            count = sa.func.count()
            return {name: connection.execute(sa.select(count).select_from(tables.metadata.tables[name])).scalar_one() for name in names}

    def _account_key(self, connection: sa.Connection, account_id: str) -> int:
        return int(
            connection.execute(sa.select(tables.accounts.c.account_key).where(tables.accounts.c.account_id == account_id)).scalar_one()
        )


APPLIED, REFUNDED = postings.APPLIED, postings.REFUNDED
