"""Spreading money over what is open, and taking it back. Tables: a row a case."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.allocations.order import Order, parse_claims, parse_order
from billing.allocations.spread import Claims, Credit, OpenItem, Settlement, allocate, in_parts, take_back
from rating.errors import UserError

# Credits in their turn, with the invoices that they name, or correct (!number-amount); items as number@due=open, with *part; then what
# settles what.
ALLOCATIONS = """
p=48             | 1@10-01=59                          | p>1=48
p=50             | 2@10-05=40 1@10-01=30               | p>1=30 p>2=20
p=50             | 2@10-01=40 1@10-01=30               | p>1=30 p>2=20
p=10 q=25        | 1@10-01=30 2@10-02=30               | p>1=10 q>1=20 q>2=5
p=100            | 1@10-01=30                          | p>1=30
p=10             | 1@10-01=-5 2@10-02=4                | p>2=4
p=10             |                                     |
p=10:2           | 1@10-01=30 2@10-02=30               | p>2=10
p=40:2           | 1@10-01=30 2@10-02=30               | p>2=30 p>1=10
p=50:3,2         | 1@10-01=30 2@10-02=30 3@10-03=30    | p>3=30 p>2=20
p=5 q=50:2       | 1@10-01=30 2@10-02=30               | p>1=5 q>2=30 q>1=20
p=10:9           | 1@10-01=30                          | p>1=10
p=25             | 1@10-01=10 1@12-01=10 2@11-01=10    | p>1=15 p>2=10
p=25:1           | 1@10-01=10 1@12-01=10 2@11-01=10    | p>1=20 p>2=5
c=8!2-8          | 1@10-01=30 2@10-02=30               | c>2=8
c=8!1-5,2-3      | 1@10-01=30 2@10-02=30               | c>1=5 c>2=3
c=8!2-3,3-5      | 1@10-01=30 2@10-02=30 3@10-03=2     | c>2=3 c>3=2 c>1=3
c=8!2-8 p=40     | 1@10-01=30 2@10-02=30               | c>2=8 p>1=30 p>2=10
c=8!9-8          | 1@10-01=30                          | c>1=8
c=8!1-8          | 1@10-01=5 1@12-01=5 2@11-01=10      | c>1=8
"""


def read_items(text: str) -> list[OpenItem]:
    items = []
    for place, each in enumerate(text.split(), start=1):
        number, due, left = each.replace("@", "=").split("=")
        items.append(OpenItem(1, int(number), number, dt.date.fromisoformat(f"2025-{due}"), int(left), place))
    return items


def read_credits(text: str) -> list[Credit]:
    made = []
    for each in text.split():
        name, _, amount = each.partition("=")
        amount, _, corrects = amount.partition("!")
        left, _, first = amount.partition(":")
        parts = (part.split("-") for part in filter(None, corrects.split(",")))
        about = tuple((int(number), int(most)) for number, most in parts)
        made.append(Credit(1, "payment", name, int(left), tuple(map(int, filter(None, first.split(",")))), about))
    return made


def read_settled(text: str) -> list[Settlement]:
    parts = (each.replace(">", "=").split("=") for each in text.split())
    return [Settlement("payment", credit, int(number), int(amount)) for credit, number, amount in parts]


@pytest.mark.parametrize("row", ALLOCATIONS.strip().splitlines())
def test_allocate(row: str) -> None:
    credit, items, expected = row.split("|")
    assert allocate(read_credits(credit), read_items(items)) == read_settled(expected)


def test_instruction_may_be_left_out_of_the_order() -> None:
    order = Order(by_instruction=False)
    assert allocate(read_credits("p=10:2"), read_items("1@10-01=30 2@10-02=30"), order) == read_settled("p>1=10")


# total, costs and interest of invoices 1 and 2; what is open; the payment; what it settles
BY_CLAIM = """
30/5/0  40/8/2   | 1@10-01=30 2@10-02=40  | p=10 | p>1=5 p>2=5
30/5/0  40/8/2   | 1@10-01=30 2@10-02=40  | p=14 | p>1=5 p>2=9
30/5/0  40/8/2   | 1@10-01=30 2@10-02=40  | p=20 | p>1=10 p>2=10
30/5/3  40/8/2   | 1@10-01=26 2@10-02=40  | p=10 | p>1=1 p>2=8 p>1=+1
30/0/0  40/0/0   | 1@10-01=30 2@10-02=40  | p=10 | p>1=10
"""


@pytest.mark.parametrize("row", BY_CLAIM.strip().splitlines())
def test_costs_before_interest_before_principal(row: str) -> None:
    shares, items, credit, expected = row.split("|")
    claims = {}
    for key, share in enumerate(shares.split(), start=1):
        total, costs, interest = map(int, share.split("/"))
        claims[key] = Claims(costs, interest, total)
    made = allocate(read_credits(credit), read_items(items), Order(by_claim=True), claims)
    wanted: dict[str, int] = {}
    for each in expected.split():
        name, amount = each.split("=")
        wanted[name] = wanted.get(name, 0) + int(amount)
    assert {f"{part.credit_id}>{part.invoice_key}": part.amount_micros for part in made} == wanted


# settled by the credit, left of it, what goes; what is undone, what is left then
TAKEN = """
1@10-01=30 2@11-01=20 | 5 | 3  |             | 2
1@10-01=30 2@11-01=20 | 5 | 5  |             | 0
1@10-01=30 2@11-01=20 | 5 | 12 | 2=7         | 0
1@10-01=30 2@11-01=20 | 5 | 30 | 2=20 1=5    | 0
1@10-01=30 2@11-01=20 | 5 | 55 | 2=20 1=30   | 0
                      | 5 | 2  |             | 3
"""


@pytest.mark.parametrize("row", TAKEN.strip("\n").splitlines())
def test_what_goes_back_opens_the_newest_invoice_first(row: str) -> None:
    settled, left, amount, undone, rest = row.split("|")
    wanted = {int(key): int(part) for key, part in (each.split("=") for each in undone.split())}
    assert take_back(read_items(settled), int(left), int(amount)) == (wanted, int(rest))


# what is open of an invoice due 01-15, its parts; what then is open of each
PARTS = """
30 | 02-01=10 03-01=10 04-01=10 | 02-01=10 03-01=10 04-01=10
25 | 02-01=10 03-01=10 04-01=10 | 02-01=5 03-01=10 04-01=10
10 | 02-01=10 03-01=10 04-01=10 | 04-01=10
33 | 02-01=10 03-01=10 04-01=10 | 01-15=3 02-01=10 03-01=10 04-01=10
0  | 02-01=10                   | 01-15=0
-5 | 02-01=10                   | 01-15=-5
30 |                            | 01-15=30
"""


@pytest.mark.parametrize("row", PARTS.strip().splitlines())
def test_parts_of_an_instalment_plan(row: str) -> None:
    left, parts, expected = row.split("|")
    item = OpenItem(1, 1, "1", dt.date(2025, 1, 15), int(left))
    told = [
        (place, each.due_on, each.open_micros) for place, each in enumerate(read_items(" ".join(f"1@{part}" for part in parts.split())), 1)
    ]
    assert [f"{each.due_on:%m-%d}={each.open_micros}" for each in in_parts(item, told)] == expected.split()


@pytest.mark.parametrize("text", ["", "oldest, instruction", "instruction", "newest", "oldest, oldest", "instruction instruction oldest"])
def test_no_order(text: str) -> None:
    with pytest.raises(UserError, match="is not an order of allocation"):
        parse_order(text)


def test_orders_and_claims_as_they_are_written() -> None:
    assert parse_order("instruction, claims, oldest") == ("instruction", "claims", "oldest")
    assert parse_claims("costs=810 811; interest=820") == ({810, 811}, {820})
    assert parse_claims("") == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("text", "message"),
    [("costs=x", "names no claims"), ("fees=1", "names no claims"), ("costs=1; interest=1", "charge code 1 is both costs and interest")],
)
def test_no_claims(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_claims(text)
