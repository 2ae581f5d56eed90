"""Diaries of one account: what happens, what is open then, and what is left of payments. Every book balances after every line."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.billing.payments.desk import Desk

pytestmark = pytest.mark.slow

DIARIES = {
    "part, too much, and before any invoice": """
        pay p1 4              |                                        | p1=4.00
        invoice R-1 10 02-15  | R-1@02-15=6.00                         |
        pay p2 6.60           |                                        | p2=0.60
        invoice R-2 10 03-15  | R-2@03-15=9.40                         |
        pay p3 9.39           | R-2@03-15=0.01                         |
        pay p4 0.01           |                                        |
    """,
    "the payer says what it is for": """
        invoice R-1 10 02-15  | R-1@02-15=10.00                                  |
        invoice R-2 10 03-15  | R-1@02-15=10.00 R-2@03-15=10.00                  |
        invoice R-3 10 04-15  | R-1@02-15=10.00 R-2@03-15=10.00 R-3@04-15=10.00  |
        pay p1 12 R-3         | R-1@02-15=8.00 R-2@03-15=10.00                   |
        pay p2 15 R-2,R-1     | R-1@02-15=3.00                                   |
        pay p3 5 R-2          |                                                  | p3=2.00
    """,
    "a payment bounces, and other credit takes its place": """
        invoice R-1 10 02-15  | R-1@02-15=10.00                        |
        pay p1 10             |                                        |
        pay p2 3              |                                        | p2=3.00
        reversal b1 p1        | R-1@02-15=7.00                         |
        pay p3 7              |                                        |
    """,
    "refunds: what is left, then what was paid": """
        invoice R-1 10 02-15  | R-1@02-15=10.00                        |
        invoice R-2 10 03-15  | R-1@02-15=10.00 R-2@03-15=10.00        |
        pay p1 25             |                                        | p1=5.00
        refund f1 p1 2        |                                        | p1=3.00
        refund f2 p1 8        | R-2@03-15=5.00                         |
        refund f3 p1          | R-1@02-15=10.00 R-2@03-15=10.00        |
    """,
    "a chargeback of a part, and half of it won": """
        invoice R-1 10 02-15         | R-1@02-15=10.00                 |
        pay p1 12                    |                                 | p1=2.00
        chargeback c1 p1 8           | R-1@02-15=6.00                  |
        chargeback_won w1 p1 4       | R-1@02-15=2.00                  |
        chargeback_won w2 p1         |                                 | p1=2.00
        chargeback c2 p1             | R-1@02-15=10.00                 |
    """,
    "a credit note settles the invoice that it is about, then the oldest": """
        invoice R-1 10 02-15  | R-1@02-15=10.00                        |
        invoice R-2 10 03-15  | R-1@02-15=10.00 R-2@03-15=10.00        |
        credit C-1 12 R-2     | R-1@02-15=8.00                         |
        credit C-2 20 R-2     | C-2@02-15=-12.00                       |
        invoice R-3 5 04-15   | C-2@02-15=-7.00                        |
        payout f1 C-2 3       | C-2@02-15=-4.00                        |
        payout f2 C-2         |                                        |
    """,
    "an invoice is voided: what paid it is free for others": """
        invoice R-1 10 02-15  | R-1@02-15=10.00                        |
        invoice R-2 10 03-15  | R-1@02-15=10.00 R-2@03-15=10.00        |
        pay p1 12             | R-2@03-15=8.00                         |
        void R-1              |                                        | p1=2.00
        invoice R-3 5 02-20   | R-3@02-20=3.00                         |
    """,
    "a credit note is voided: what it settled is open again": """
        invoice R-1 10 02-15  | R-1@02-15=10.00                        |
        credit C-1 12         | C-1@02-15=-2.00                        |
        void C-1              | R-1@02-15=10.00                        |
        pay p1 4              | R-1@02-15=6.00                         |
    """,
    "a deposit settles nothing until it is released": """
        deposit d1 20         |                                        |
        invoice R-1 10 02-15  | R-1@02-15=10.00                        |
        release a1 d1 4       | R-1@02-15=6.00                         |
        release a2 d1         |                                        |
        return a3 d1          |                                        |
    """,
    "instalments: earliest part first, dates go by the parts": """
        invoice R-1 10 02-15  | R-1@02-15=10.00                                              |
        invoice R-2 20 03-15  | R-1@02-15=10.00 R-2@03-15=20.00                              |
        agree i1 04-01=15 05-01=10 06-01=5 | R-1@04-01=10.00 R-2@04-01=5.00 R-2@05-01=10.00 R-2@06-01=5.00 |
        pay p1 12             | R-2@04-01=3.00 R-2@05-01=10.00 R-2@06-01=5.00                |
        invoice R-3 5 03-20   | R-3@03-20=5.00 R-2@04-01=3.00 R-2@05-01=10.00 R-2@06-01=5.00 |
        pay p2 6              | R-2@04-01=2.00 R-2@05-01=10.00 R-2@06-01=5.00                |
        reversal b1 p1        | R-1@04-01=10.00 R-2@04-01=4.00 R-2@05-01=10.00 R-2@06-01=5.00 |
        end i1                | R-1@02-15=10.00 R-2@03-15=19.00                              |
    """,
    "instalments that are ended: what was settled by then is due when it was, too": """
        invoice R-1 10 02-15     | R-1@02-15=10.00                     |
        invoice R-2 10 02-25     | R-1@02-15=10.00 R-2@02-25=10.00     |
        agree i1 06-01=10 07-01=10 | R-1@06-01=10.00 R-2@07-01=10.00   |
        pay p1 10                | R-2@07-01=10.00                     |
        end i1                   | R-2@02-25=10.00                     |
        reversal b1 p1           | R-1@02-15=10.00 R-2@02-25=10.00     |
    """,
    "an invoice that is numbered and not posted takes payments, no older credit": """
        pay p1 4                |                                      | p1=4.00
        number R-1 10 02-15     | R-1@02-15=10.00                      | p1=4.00
        pay p2 2                | R-1@02-15=4.00                       |
        post R-1                | R-1@02-15=4.00                       |
    """,
    "a part is written off, and taken back when money comes after all": """
        invoice R-1 10 02-15     | R-1@02-15=10.00                     |
        pay p1 4                 | R-1@02-15=6.00                      |
        write_off o1 R-1 5       | R-1@02-15=1.00                      |
        pay p2 3                 |                                     | p2=2.00
        write_off o1 R-1 -5      | R-1@02-15=3.00                      |
        reversal b1 p1           | R-1@02-15=7.00                      |
    """,
    "oldest first, whatever the payer says": """
        order oldest          |                                        |
        invoice R-1 10 02-15  | R-1@02-15=10.00                        |
        invoice R-2 10 03-15  | R-1@02-15=10.00 R-2@03-15=10.00        |
        pay p1 5 R-2          | R-1@02-15=5.00 R-2@03-15=10.00         |
        order instruction,oldest | R-1@02-15=5.00 R-2@03-15=10.00      |
        pay p2 4 R-2          | R-1@02-15=5.00 R-2@03-15=6.00          |
    """,
}

PARTLY = {"payout", "refund", "reversal", "chargeback", "chargeback_won", "release", "return"}  # without an amount: all there is


def do(desk: Desk, words: list[str]) -> None:  # noqa: C901, PLR0912 -- one branch a word of the diaries
    """One line of a diary."""
    what, rest = words[0], words[1:]
    amount = Fraction(rest[2]) if what in PARTLY and len(rest) > 2 else None
    match what:
        case "pay":
            desk.pay(rest[0], Fraction(rest[1]), numbers=tuple(rest[2].split(",")) if len(rest) > 2 else ())
        case "invoice" | "number":
            desk.invoice(rest[0], Fraction(rest[1]), rest[2], posted=what == "invoice")
        case "credit":
            desk.invoice(rest[0], -Fraction(rest[1]), about=rest[2] if len(rest) > 2 else None)
        case "post":
            desk.post(rest[0])
        case "void":
            desk.void(rest[0])
        case "payout":
            desk.back(rest[0], "refund", None, amount, number=rest[1])
        case "refund" | "reversal" | "chargeback" | "chargeback_won":
            desk.back(rest[0], what, rest[1], amount)
        case "write_off":
            desk.write_off(rest[0], rest[1], Fraction(rest[2]))
        case "deposit":
            desk.deposit(rest[0], Fraction(rest[1]))
        case "release" | "return":
            desk.move(rest[0], rest[1], "applied" if what == "release" else "refunded", amount)
        case "agree":
            desk.agree(rest[0], parts=" ".join(rest[1:]))
        case "end":
            desk.end(rest[0])
        case "order":
            desk.set("allocation_order", rest[0])
        case _:
            raise AssertionError(what)


@pytest.mark.parametrize("name", DIARIES)
def test_diary(desk: Desk, name: str) -> None:
    for row in DIARIES[name].strip().splitlines():
        words, items, credit = (part.strip() for part in row.split("|"))
        do(desk, words.split())
        assert (words, desk.open(), desk.credit()) == (words, items, credit)
        assert desk.wrong() == [], words


def test_what_is_posted(desk: Desk) -> None:
    """Every kind of money once, and where it stands then."""
    desk.invoice("R-1", 100)
    desk.pay("p1", 60)
    assert desk.balances() == {"cash": 60, "receivable:anna": 40, "revenue:1": -100}
    desk.cash("p2", 50)
    desk.deposit("d1", 30)
    assert desk.balances("cash", "cash:front", "deposits:anna", "receivable:anna") == {
        "cash": 90, "cash:front": 50, "deposits:anna": -30, "receivable:anna": -10,
    }  # fmt: skip
    desk.back("f1", "refund", "p2", 10)
    desk.back("b1", "reversal", "p1", fee=3)
    desk.move("a1", "d1", "applied", 25)
    desk.move("a2", "d1", "refunded")
    desk.back("c1", "chargeback", "p2", 15, fee=1)
    desk.back("w1", "chargeback_won", "p2", 5)
    assert desk.balances() == {
        "bank_fees": 4,  # 3 + 1
        "cash": 21,  # 60 + 30 - 60 - 3 - 5 - 1
        "cash:front": 30,  # 50 - 10 - 15 + 5
        "receivable:anna": 45,  # 100 - 40 in cash, which 10 + 15 - 5 left, - 25 of the deposit
        "revenue:1": -100,
    }
    assert desk.wrong() == []


def test_costs_of_all_invoices_before_the_oldest(desk: Desk) -> None:
    """R-2 holds 3.00 of costs (charge code 810) and 1.00 of interest (820)."""
    desk.set("allocation_order", "claims, oldest")
    desk.set("claim_codes", "costs=810; interest=820")
    desk.invoice("R-1", 10)
    desk.invoice("R-2", 20, "03-15")
    desk.line("R-2", 1, 810, 3)
    desk.line("R-2", 2, 820, 1)
    desk.line("R-2", 3, 10, 16)
    desk.pay("p1", 5)
    assert desk.open() == "R-1@02-15=9.00 R-2@03-15=16.00"
    desk.pay("p2", 10)
    assert desk.open() == "R-2@03-15=15.00"
    desk.back("b1", "reversal", "p1")
    assert desk.open() == "R-1@02-15=1.00 R-2@03-15=19.00"
    desk.set("allocation_order", "oldest")
    desk.pay("p3", 2)
    assert desk.open() == "R-2@03-15=18.00"
    assert desk.wrong() == []
