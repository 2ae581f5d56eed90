"""Money that a stage loses or makes is found at the border of that stage: an account is put aside, or the run stops before it numbers.

Each fault is patched in; without the assertion that finds it the run would post a wrong bill.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from billing import catalogue
from billing.allocations import spread
from billing.charges import reconcile
from billing.charges.charge_keys import Kind
from billing.charges.lines import LINE
from billing.invoicing import drafts, numbering
from billing.runs import computing, cycle, posting, reports
from billing.runs.settlement import bounds, parting, settlement
from billing.runs.settlement.drafting import Writer
from billing.runs.usage import shard_groups, shard_pricing
from billing.runs.usage.shard_pricing import GroupEvents
from billing.store import tables
from rating.model import InvoiceDiscount, LateUsage
from rating.schema import Direction
from tests.billing.runs.test_groups import Priceable
from tests.billing.runs.test_pools_and_late import arrive, opened, since
from tests.billing.runs.test_promises import a_plan, minutes
from tests.billing.runs.world import Call, shop

if TYPE_CHECKING:
    from billing.charges.lines import Lines
    from billing.runs.reports import RunReport
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow
NOVEMBER = dt.date(2025, 11, 1)
DECEMBER = dt.date(2025, 12, 1)
Patch = pytest.MonkeyPatch


@pytest.fixture
def two(world: World) -> World:
    """Anna and bert on plan basic, 10.00 a month each; anna calls 25 minutes, of which 5 cost 0.10 each."""
    for name, number in (("anna", "1001"), ("bert", "1002")):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", number)
    world.take(Call("1001", "2025-10-05T10:00:00", 25 * 60))
    return world


def run(world: World) -> RunReport:
    return cycle.run(world.home, NOVEMBER, world.begun(NOVEMBER))


def require_nothing_numbered(world: World) -> None:
    assert world.numbers() == []


def a_cent_more(lines: Lines, kind: Kind = Kind.USAGE, field: str = "amount_micros") -> Lines:
    """The lines, with the first of a kind a cent higher."""
    changed: Lines = lines.copy()
    rows = np.flatnonzero(changed["kind"] == kind)
    changed[field][rows[:1]] += 10_000
    return changed


def test_groups_of_shards_that_lose_a_charge(two: World, monkeypatch: Patch) -> None:
    real = computing.price_in_groups

    def losing(*args: Any, **named: Any) -> Any:  # noqa: ANN401 -- whatever the stage takes and gives
        usage = real(*args, **named)
        usage.lines["exact_micros"] -= 10_000
        return usage

    monkeypatch.setattr(computing, "price_in_groups", losing)
    with pytest.raises(AssertionError, match="lines of usage come to 490000 CNY, and the charges of all groups to 500000"):
        run(two)
    require_nothing_numbered(two)


@pytest.fixture
def in_groups(two: World, monkeypatch: Patch) -> World:
    """As `two`, and bert calls twice by each of two numbers, a minute that is free: each shard of numbers is a group."""
    two.own("1003", "bert-1")
    two.take(*(Call(number, f"2025-10-06T1{hour}:00:00", 60) for number in ("1002", "1003") for hour in (0, 1)))
    monkeypatch.setattr(computing, "price_in_groups", functools.partial(computing.price_in_groups, group_rows=1))
    return two


def without_the_first_group(edges: Any) -> Any:  # noqa: ANN401 -- an array
    """The first shard of each group, without the group of the first rows."""
    assert edges.size > 3
    return edges[1:]


def test_groups_of_shards_that_are_lost_whole(in_groups: World, monkeypatch: Patch) -> None:
    """Nobody asks for the shards before the second group: their calls would be on no bill, and in no reason for that."""
    real = shard_groups._edges  # noqa: SLF001 -- the stage
    with monkeypatch.context() as patch:
        patch.setattr(shard_groups, "_edges", lambda *args: without_the_first_group(real(*args)))
        with pytest.raises(AssertionError, match=r"5 rows of usage are stored; [1-4] are priced, 0 left out, and 0 do not count"):
            run(in_groups)
    require_nothing_numbered(in_groups)
    assert run(in_groups).invoices == 2


def test_sums_of_a_group_that_are_lost(in_groups: World, monkeypatch: Patch) -> None:
    real = shard_groups.gathered
    monkeypatch.setattr(shard_groups, "gathered", lambda parts: real([each for each in parts if not each.lines.size]))
    with pytest.raises(AssertionError, match="5 rows of usage are stored; 0 are priced, 0 left out, and 0 do not count"):
        run(in_groups)
    require_nothing_numbered(in_groups)


def test_events_that_wait_for_their_unit_and_are_lost(in_groups: World, monkeypatch: Patch) -> None:
    """Bert's numbers lie in two groups: his four calls are put aside until both are read."""
    monkeypatch.setattr(GroupEvents, "aside", lambda _events, _accounts: None)
    with pytest.raises(AssertionError, match="5 rows of usage are stored; 1 are priced, 0 left out, and 0 do not count"):
        run(in_groups)
    require_nothing_numbered(in_groups)


def test_events_that_are_left_out_without_a_reason(in_groups: World, monkeypatch: Patch) -> None:
    real = shard_pricing.pricing.to_price

    def losing(*args: Any) -> Any:  # noqa: ANN401 -- whatever the stage takes and gives
        keep, left_out = real(*args)
        return np.zeros(len(keep), np.bool_), left_out

    monkeypatch.setattr(shard_pricing.pricing, "to_price", losing)
    with pytest.raises(AssertionError, match="5 rows of usage are stored; 0 are priced, 0 left out, and 0 do not count"):
        run(in_groups)


def test_a_late_call_that_never_bills_is_no_event_of_the_window(world: World) -> None:
    """Of two calls of October that arrive on 20 November the received one never bills; a run of November alone counts neither."""
    opened(world, a_plan("prompt", late_usage=LateUsage.ARRIVAL_PERIOD), "a1")
    world.bill("2025-11-01")
    made = minutes("1001", "2025-10-07T10:00:00", 20)
    arrive(world, "2025-11-20T10:00:00", made, made._replace(at="2025-10-08T10:00:00", direction=Direction.TERMINATING))
    assert reports.run_report(world.home, 1).invoices == 0
    whole = Priceable.of(world, DECEMBER)
    asked = whole._replace(scope=since(whole, NOVEMBER))
    found = shard_groups.price_in_groups(world.home, asked.seq, asked.guide, asked.contracts, asked.scope)
    left_out = {reason: events for reason, events in found.left_out.items() if events}
    assert (found.rows, left_out) == (1, {"from_before": -1}), "nothing began in the window: one call is priced, and taken off again"
    assert (found.uncounted, found.stored_rows) == (2, 2)


def test_routing_that_makes_money(two: World, monkeypatch: Patch) -> None:
    real = computing.payers.route
    monkeypatch.setattr(computing.payers, "route", lambda *args: a_cent_more(real(*args)))
    with pytest.raises(AssertionError, match="routing to payers: amount_micros is"):
        run(two)
    require_nothing_numbered(two)


def test_usage_that_goes_to_accounts_without_its_subscription(two: World, monkeypatch: Patch) -> None:
    """Both customers have lines of the other's subscription: every sum is right, and every bill wrong."""
    real = computing.totals.apply

    def exchanged(*args: Any) -> Lines:  # noqa: ANN401 -- whatever the stage takes
        lines = real(*args).copy()
        keys = np.unique(lines["account_key"])
        lines["account_key"] = keys.sum() - lines["account_key"]
        assert keys.size == 2
        return lines

    monkeypatch.setattr(computing.totals, "apply", exchanged)
    with pytest.raises(AssertionError, match="lines are of accounts that do not have their subscription"):
        run(two)
    require_nothing_numbered(two)


def test_discounts_at_accounts_that_pay_nothing_of_their_subscription(two: World, monkeypatch: Patch) -> None:
    """The 10 % off carl's fees go to anna, who pays nothing of carl's subscription."""
    discount = InvoiceDiscount(30, "tenth", 30, 5000, 100_000)
    plan = msgspec.structs.replace(shop().plans[1], invoice_discounts=(discount,))
    catalogue.publish(two.home, shop(identity="mix", plans=(plan,)), two.tick())
    two.account("carl")
    two.subscription("carl-1", "carl", "mix/plus", "1003")
    real = computing.totals.apply

    def astray(*args: Any) -> Lines:  # noqa: ANN401 -- parameters of the stage
        lines = real(*args).copy()
        is_discount = lines["kind"] == Kind.DISCOUNT
        lines["account_key"][is_discount] = lines["account_key"].min()
        assert is_discount.any()
        return lines

    monkeypatch.setattr(computing.totals, "apply", astray)
    with pytest.raises(AssertionError, match="discounts of 1 subscriptions are at accounts that pay no line of theirs"):
        run(two)
    require_nothing_numbered(two)


def test_invoices_that_are_of_another_account_than_their_lines(two: World, monkeypatch: Patch) -> None:
    real = numbering.bulk.insert

    def exchanged(connection: sa.Connection, table: sa.Table, columns: Any) -> int:  # noqa: ANN401 -- columns of a table
        if table is tables.invoices:
            columns |= {"account_key": columns["account_key"][::-1]}
        return real(connection, table, columns)

    monkeypatch.setattr(numbering.bulk, "insert", exchanged)
    with pytest.raises(AssertionError, match="5 lines are numbered on invoices of other accounts"):
        run(two)
    require_nothing_numbered(two)


def test_sums_that_change_an_account(two: World, monkeypatch: Patch) -> None:
    real = settlement.sum_as_taxed
    monkeypatch.setattr(settlement, "sum_as_taxed", lambda lines: a_cent_more(real(lines)))
    with pytest.raises(AssertionError, match="sums by charge key: the sums of 1 accounts changed"):
        run(two)
    require_nothing_numbered(two)


def test_an_account_whose_difference_is_wrong_is_put_aside(two: World, monkeypatch: Patch) -> None:
    """Bert is billed, anna waits with the reason; once the fault is out the next run bills her."""
    real = settlement.differences

    def wrong(due: Lines, billed: Lines) -> reconcile.Differences:
        found = real(due, billed)
        return reconcile.Differences(a_cent_more(found.lines), found.billed_micros)

    with monkeypatch.context() as patch:
        patch.setattr(settlement, "differences", wrong)
        done = run(two)
    assert (done.invoices, done.quarantined) == (1, {"anna": bounds.NOT_KEPT})
    assert [len(two.numbers(name)) for name in ("anna", "bert")] == [0, 1]
    assert run(two).invoices == 1
    assert [each.total_micros for each in reports.list_runs(two.home)] == [{"CNY": 10_600_000}, {"CNY": 11_130_000}]


def test_drafts_that_are_not_the_differences(two: World, monkeypatch: Patch) -> None:
    real = Writer.drafts

    def wrong(self: Writer, lines: Lines) -> drafts.Drafts:
        return real(self, a_cent_more(lines, Kind.RECURRING))

    monkeypatch.setattr(Writer, "drafts", wrong)
    with pytest.raises(AssertionError, match="drafts of invoices: the sums of 1 accounts changed"):
        run(two)
    require_nothing_numbered(two)


def test_wanted_differences_that_lose_a_line(monkeypatch: Patch) -> None:
    """An interim bill: what a later run compares is parted from what it bills now."""
    real = parting.taken
    monkeypatch.setattr(parting, "taken", lambda lines, rows: real(lines, rows[1:] if rows.size > 1 else rows))
    found = reconcile.Differences(_lines([10_000, 20_000]), np.zeros(2, np.int64))
    nothing: Any = None
    with pytest.raises(AssertionError, match="wanted differences: the sums of 1 accounts changed"):
        parting.parted(found, np.array([True, True]), nothing, nothing, nothing)


def test_a_line_that_is_lost_while_numbering(two: World, monkeypatch: Patch) -> None:
    real = numbering.bulk.insert

    def losing(connection: sa.Connection, table: sa.Table, columns: Any) -> int:  # noqa: ANN401 -- columns of a table
        if table is tables.invoice_lines:
            columns = {name: values[:-1] for name, values in columns.items()}
        return real(connection, table, columns)

    with monkeypatch.context() as patch:
        patch.setattr(numbering.bulk, "insert", losing)
        with pytest.raises(AssertionError, match="2 documents and 4 lines are numbered, and 2 and 5 are frozen"):
            run(two)
    require_nothing_numbered(two)
    assert run(two).invoices == 2, "nothing was numbered, and the run goes on"


def test_a_number_that_is_changed_while_numbering(two: World, monkeypatch: Patch) -> None:
    real = numbering.bulk.insert

    def wrong(connection: sa.Connection, table: sa.Table, columns: Any) -> int:  # noqa: ANN401 -- columns of a table
        if table is tables.invoices:
            columns |= {name: columns[name] + 10_000 for name in ("tax_micros", "total_micros")}
        return real(connection, table, columns)

    monkeypatch.setattr(numbering.bulk, "insert", wrong)
    with pytest.raises(AssertionError, match="numbered net, tax and lines are"):
        run(two)
    require_nothing_numbered(two)


def exchanged_customers(table: pa.Table) -> pa.Table:
    names = {"receivable:anna": "receivable:bert", "receivable:bert": "receivable:anna"}
    for side in ("debit_account", "credit_account"):
        column = pa.array([names.get(each, each) for each in table[side].to_pylist()])
        table = table.set_column(table.column_names.index(side), side, column)
    return table


def tax_as_revenue(table: pa.Table) -> pa.Table:
    column = pa.array([each.replace("tax:", "revenue:") for each in table["credit_account"].to_pylist()])
    return table.set_column(table.column_names.index("credit_account"), "credit_account", column)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (exchanged_customers, "receivables of customers are not what their documents come to"),
        (tax_as_revenue, "0 micro-units are posted to tax, and the tax of the documents adds up to 6[03]0000"),
    ],
)
def test_postings_to_other_accounts(two: World, monkeypatch: Patch, fault: Any, told: str) -> None:  # noqa: ANN401 -- a function
    """Every total is right: 10.00 and 10.50 with 6 % tax, 0.60 and 0.63. The first document stops it."""
    real = posting._postings  # noqa: SLF001 -- the stage
    with monkeypatch.context() as patch:
        patch.setattr(posting, "_postings", lambda *args: fault(real(*args)))
        with pytest.raises(AssertionError, match=told):
            run(two)
    assert run(two).state == "posted"


def test_a_posting_that_is_lost(two: World, monkeypatch: Patch) -> None:
    """The numbers are given by then: the run stops before it is posted, and goes on once the fault is out."""
    real = posting._postings  # noqa: SLF001 -- the stage

    def losing(*args: Any) -> Any:  # noqa: ANN401 -- as above
        return real(*args).slice(1)

    with monkeypatch.context() as patch:
        patch.setattr(posting, "_postings", losing)
        for _ in range(2):  # from the drafts, then from the lines that were numbered
            with pytest.raises(AssertionError, match="micro-units are posted to receivables, and the documents add up to"):
                run(two)
    with two.home.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.postings)).scalar_one() == 0
    assert run(two).state == "posted"


def test_lines_that_do_not_come_to_the_total(two: World, monkeypatch: Patch) -> None:
    real = posting._drafted  # noqa: SLF001 -- the stage

    def wrong(*args: Any) -> Any:  # noqa: ANN401 -- as above
        lines = real(*args)
        return lines._replace(amount_micros=lines.amount_micros + 10_000)

    monkeypatch.setattr(posting, "_drafted", wrong)
    with pytest.raises(AssertionError, match="the lines of R-0000000001 do not add up to its total"):
        run(two)


def test_a_credit_that_settles_more_than_it_has(monkeypatch: Patch) -> None:
    item = spread.OpenItem(1, 7, "R-7", dt.date(2025, 12, 1), 10_000_000)
    credit = spread.Credit(1, spread.PAYMENT, "P-1", 4_000_000)
    assert [each.amount_micros for each in spread.allocate([credit], [item])] == [4_000_000]
    monkeypatch.setattr(spread, "min", _largest_of_three, raising=False)
    with pytest.raises(AssertionError, match="P-1 settles more than it has"):
        spread.allocate([credit], [item])


def _largest_of_three(*amounts: Any, default: int = 0) -> int:  # noqa: ANN401 -- as `min` takes them
    return max(amounts) if len(amounts) > 1 else min(amounts[0], default=default)


def _lines(amounts: list[int]) -> Lines:
    lines = np.zeros(len(amounts), LINE)
    lines["account_key"], lines["kind"], lines["amount_micros"] = 1, Kind.USAGE, amounts
    lines["price_id"] = np.arange(len(amounts))
    return lines
