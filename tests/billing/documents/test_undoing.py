"""A run that is undone is as if it had never been: its documents, the ledger, credit, and what the right run bills afterwards."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import msgspec
import pytest
import sqlalchemy as sa

from billing import catalogue, invoicing, payments
from billing.accounting import write_off
from billing.accounting.check import check
from billing.accounts.exporting import export_files
from billing.accounts.still_open import latest_run
from billing.documents import alarms, following, interim, undoing, voiding
from billing.ledger import closed_months
from billing.ledger.closed_months import Who
from billing.payments import instalments
from billing.persons import Turn
from billing.runs import cycle, quarantine_retry, refused_events, reports
from billing.runs.start import Order
from billing.store import tables
from billing.store.checks import checking
from billing.usage_report.rating_book import rating_book
from billing.usage_report.span import Span
from rating.errors import ProblemsError, UserError
from rating.model import BillThreshold, LateUsage
from server.cli.app import main
from tests.billing.documents.clerk import ANA, BEN, CENT, cents, credit, customer, tell, totals, who, wrong
from tests.billing.runs.histories import catalogue_with_saver
from tests.billing.runs.world import START_US, Call, World, instant_us, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.documents.undoing import Undoing

pytestmark = pytest.mark.slow
WRONG = "2026-12-01"  # instead of 2025-11-01
MINUTE = 60


class Payer(msgspec.Struct):
    """Who pays for an account."""

    payer: str


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Anna on basic with 13.79 CNY to pay for October, Ben on plus with 38.16: 30.00 and twice 3.00 in advance, and 6 % tax."""
    world = customer(World(tmp_path / "home"))
    world.account("ben")
    world.subscription("ben-1", "ben", "shop/plus", "1002")
    yield world
    world.home.close()


def undo(world: World, run_id: int, accounts: str = "", by: tuple[tuple[str, int], ...] = (ANA, BEN)) -> Undoing:
    """What the last of these people gets."""
    world.catch_up()
    named = frozenset(accounts.split(",")) if accounts else None
    return [undoing.undo(world.home, run_id, "wrong date", who(world, each), accounts=named) for each in by][-1]


def run(world: World, date: str, *accounts: str) -> int:
    """The number of a run that is posted and followed up."""
    world.catch_up()
    order = Order(accounts=frozenset(accounts) or None)
    day = dt.date.fromisoformat(date)
    run_id = cycle.run(world.home, day, world.begun(day), order=order).run_id
    following.follow_up(world.home, run_id, who(world))
    return run_id


def pay(world: World, amount: int, account_id: str = "anna") -> None:
    """A payment, in cents."""
    payments.record(world.home, f"P{world.now_us}", account_id, amount * CENT, dt.date(2025, 10, 2), "", world.tick())


def all_is_well(world: World) -> bool:
    assert wrong(world) == []
    assert [each for each in check(world.home) if not each.ok] == []
    assert checking.check(world.home).findings == []
    return True


def not_agreeing(turn: Turn) -> None:
    """Let a person ask alone."""
    if turn is Turn.AGREES:
        raise LookupError


def refused(world: World, run_id: int, accounts: str = "") -> list[tuple[str, str]]:
    """Who stands in the way, and why."""
    with pytest.raises(ProblemsError) as caught:
        undo(world, run_id, accounts)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def test_the_right_run_bills_what_it_would_have_billed(world: World) -> None:
    undone = run(world, WRONG)
    run(world, "2025-11-01")
    assert world.numbers() == ["R-0000000001", "R-0000000002"], "the right run bills nobody"
    assert (undo(world, undone).state, cents(world), cents(world, "ben"), all_is_well(world)) == ("undone", 0, 0, True)
    run(world, "2025-11-01")
    assert (totals(world, "anna")[-1], totals(world, "ben")[-1]) == (1379, 3816)
    assert world.numbers()[-2:] == ["R-0000000003", "R-0000000004"], "numbers stay given"
    assert all_is_well(world)
    run(world, "2025-12-01")
    assert (totals(world, "anna")[-1], totals(world, "ben")[-1], all_is_well(world)) == (1060, 3498, True)


def test_each_document_is_void_on_its_own_date(world: World) -> None:
    undone = run(world, "2025-11-01")
    world.now_us = instant_us("2025-12-24T12:00:00")
    done = undo(world, undone)
    assert [(each.number, each.on_date, each.total_micros // CENT) for each in done.documents] == [
        ("R-0000000001", "2025-11-01", 1379),
        ("R-0000000002", "2025-11-01", 3816),
    ]
    assert (done.total_micros, done.net_micros) == ({"CNY": 5195 * CENT}, {"CNY": 4901 * CENT})
    with world.home.connect() as connection:
        query = sa.select(tables.postings.c.document, tables.postings.c.posted_on).distinct().order_by(tables.postings.c.document)
        assert [tuple(row) for row in connection.execute(query) if row.document.startswith("void:")] == [
            ("void:R-0000000001", "2025-11-01"),
            ("void:R-0000000002", "2025-11-01"),
        ]
        event = tables.invoice_events.c
        assert set(connection.execute(sa.select(event.commit_seq, event.reason)).all()) == {
            (world.home.head_seq(connection), "run 1 is undone, as ana proposed: wrong date")
        }, "one transaction"
        row = tables.run_undos.c
        asked, agreed = connection.execute(sa.select(row.commit_seq).order_by(row.undo_id)).scalars()
    first, last = (undoing.stored_by(world.home, seq, names_accounts=False) for seq in (asked, agreed))
    assert [(each.state, each.proposed_by, each.documents) for each in (first, last)] == [
        ("proposed", "ana", done.documents),
        ("undone", "ana", done.documents),
    ], "by their commits"
    undoing.require_few(world.home, undone, 2)
    with pytest.raises(UserError, match="bill run 1 has 2 documents, more than the answer of a call holds"):
        undoing.require_few(world.home, undone, 1)


def test_two_people_undo_a_run(world: World) -> None:
    undone = run(world, "2025-11-01")
    assert undo(world, undone, by=(ANA,)).state == "proposed"
    assert cents(world) == 1379, "nothing has happened yet"
    with pytest.raises(UserError, match="ana has proposed to undo bill run 1, and cannot agree to it"):
        undo(world, undone, by=(ANA,))
    turns: list[Turn] = []
    shown = undoing.undo(world.home, undone, "yes", who(world, BEN), dry_run=True, allow=turns.append)
    undoing.undo(world.home, undone, "only him", who(world), accounts=frozenset({"ben"}), allow=turns.append)
    assert turns == [Turn.ASKS], "nobody is asked to look; another proposal is one"
    with pytest.raises(LookupError):
        undoing.undo(world.home, undone, "yes", who(world, BEN), allow=not_agreeing)
    assert (shown.state, shown.dry_run, shown.proposed_by, cents(world)) == ("undone", True, "ana", 1379)
    assert undo(world, undone, by=(BEN,)).state == "undone"
    with pytest.raises(UserError, match="bill run 1 is undone, agreed to by ben: wrong date"):
        undo(world, undone)
    with pytest.raises(UserError, match="undoing a run needs a reason"):
        undoing.undo(world.home, undone, " ", who(world))


def test_other_accounts_are_another_proposal(world: World) -> None:
    undone = run(world, "2025-11-01")
    undo(world, undone, by=(ANA,))
    assert undo(world, undone, "anna", by=(BEN,)).state == "proposed"
    assert undo(world, undone, "anna", by=(ANA,)).state == "undone"
    assert (cents(world), cents(world, "ben")) == (0, 3816)
    assert undo(world, undone, by=(BEN,)).state == "undone", "of the rest"
    assert (cents(world, "ben"), all_is_well(world)) == (0, True)


def test_a_proposal_is_taken_back(world: World) -> None:
    undone = run(world, "2025-11-01")
    undo(world, undone, by=(ANA,))
    assert undoing.withdraw(world.home, undone, "no", who(world, BEN)).state == "withdrawn"
    with pytest.raises(UserError, match="there is no proposal to undo bill run 1 for these accounts"):
        undoing.withdraw(world.home, undone, "no", who(world, BEN))
    assert undo(world, undone, by=(BEN,)).state == "proposed"


def test_an_agreement_looks_at_everything_anew(world: World) -> None:
    undone = run(world, "2025-11-01")
    undo(world, undone, by=(ANA,))
    pay(world, 500)
    with pytest.raises(ProblemsError):
        undo(world, undone, by=(BEN,))
    assert (cents(world), all_is_well(world)) == (879, True)


def test_credit_that_the_posting_set_against_them_is_free_again(world: World) -> None:
    pay(world, 1000)
    undone = run(world, "2025-11-01")
    assert undo(world, undone).freed_micros == {"CNY": 1000 * CENT}
    assert cents(world) == -1000
    run(world, "2025-11-01")
    assert (cents(world), all_is_well(world)) == (379, True)
    with world.home.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.credits_left)).scalar_one() == 0


def test_a_credit_document_of_the_run_settles_nothing_any_more(world: World) -> None:
    """October again, without the call of 2.01: the second bill is below zero and set off against the first."""
    run(world, "2025-11-01")
    tell(world, "anna-1", "end", msgspec.defstruct("Nothing", [])(), "2025-10-02")
    undone = run(world, "2025-12-01", "anna")
    before = cents(world)
    assert totals(world, "anna")[-1] < 0
    assert undo(world, undone).state == "undone"
    assert (before, cents(world), all_is_well(world)) == (1379 + totals(world, "anna")[-1], 1379, True)
    run(world, "2025-12-01", "anna")
    assert (cents(world), all_is_well(world)) == (before, True)


BLOCKED = {
    "paid": "R-0000000001 is paid by payment",
    "later": "R-0000000003 of run 2 (2025-12-01) is a later bill",
    "credited": "C-0000000001 credits charges of R-0000000001",
    "written off": "R-0000000001 is written off",
    "instalments": "R-0000000001 is in the plan of instalments I1",
}


@pytest.mark.parametrize("what", BLOCKED)
def test_what_was_built_on_it_stands_in_the_way(world: World, what: str) -> None:
    undone = run(world, "2025-11-01")
    if what == "paid":
        pay(world, 500)
    elif what == "later":
        run(world, "2025-12-01", "anna")
    elif what == "credited":
        credit(world, "R-0000000001", 1, 100)
    elif what == "written off":
        who_ = Who("clerk", 7, world.tick())
        write_off.write_off(world.home, "R-0000000001", dt.date(2025, 11, 2), "gone", who_, amount_micros=CENT, limit_micros=100 * CENT)
    else:
        wanted = instalments.PlanRequest("I1", "anna", dt.date(2025, 11, 2), equal=2, first_on=dt.date(2025, 12, 1))
        instalments.agree(world.home, wanted, payments.Act(catalogue.Operator("clerk", 7), world.tick()))
    found = refused(world, undone)
    assert [place for place, _ in found] == ["anna"]
    assert found[0][1].startswith(BLOCKED[what])
    assert refused(world, undone, "anna") == found
    shown = undoing.undo(world.home, undone, "wrong", who(world), dry_run=True)
    assert [each.reason for each in shown.blockers] == [found[0][1]]
    assert undo(world, undone, "ben").state == "undone"
    assert (cents(world, "ben"), all_is_well(world)) == (0, True)
    run(world, "2025-11-01", "ben")
    assert (totals(world, "ben")[-1], all_is_well(world)) == (3816, True)


def test_all_that_was_built_on_a_run_is_told_at_once(world: World) -> None:
    """Of anna's 13.79 are paid 5.00 and credited 1.00 with its tax; the rest is in two parts. Ben's bill is written off but for a cent."""
    undone = run(world, "2025-11-01")
    pay(world, 500)
    wanted = instalments.PlanRequest("I1", "anna", dt.date(2025, 11, 2), equal=2, first_on=dt.date(2025, 12, 1))
    instalments.agree(world.home, wanted, payments.Act(catalogue.Operator("clerk", 7), world.tick()))
    credit(world, "R-0000000001", 1, 100)
    who_ = Who("clerk", 7, world.tick())
    write_off.write_off(world.home, "R-0000000002", dt.date(2025, 11, 5), "gone", who_, amount_micros=3815 * CENT, limit_micros=5000 * CENT)
    shown = undoing.undo(world.home, undone, "wrong", who(world), dry_run=True)
    assert [(each.account_ids, each.document, each.reason.partition(" payment")[0]) for each in shown.blockers] == [
        (("anna",), "R-0000000001", "C-0000000001 credits charges of R-0000000001"),
        (("anna",), "R-0000000001", "R-0000000001 is in the plan of instalments I1"),
        (("anna",), "R-0000000001", "R-0000000001 is paid by"),
        (("ben",), "R-0000000002", "R-0000000002 is written off"),
    ]


def test_a_closed_month_stands_in_the_way(world: World) -> None:
    undone = run(world, "2025-11-01")
    closed_months.close(world.home, "", "2025-11", "month end", who(world))
    assert refused(world, undone) == [(account, "the books for 2025-11 are closed") for account in ("anna", "ben")]


def test_who_is_billed_together_is_undone_together(world: World) -> None:
    tell(world, "ben", "payer", Payer("anna"), "2025-10-01")
    undone = run(world, "2025-11-01")
    pay(world, 100)
    assert [place for place, _ in refused(world, undone, "ben")] == ["anna, ben"]


@pytest.mark.parametrize("kind", ["threshold", "opening"])
def test_only_runs_of_the_cycle_are_undone(world: World, kind: str) -> None:
    undone = run(world, "2025-11-01")
    world.execute(f"UPDATE bill_runs SET kind = '{kind}' WHERE run_id = {undone}")  # noqa: S608 -- values of our own
    with pytest.raises(UserError, match=f"run 1 is of the kind {kind}: only runs of the cycle are undone"):
        undo(world, undone)


def test_a_run_that_is_not_posted_is_abandoned(world: World) -> None:
    cycle.run(world.home, dt.date(2025, 11, 1), world.begun(dt.date(2025, 11, 1)), order=Order(trial=True))
    with pytest.raises(UserError, match="bill run 1 of 2025-11-01 is computed") as caught:
        undo(world, 1)
    assert caught.value.remedy == "nothing of it counts: ratewright bill abandon --date 2025-11-01"
    with pytest.raises(UserError, match="there is no bill run 9"):
        undo(world, 9)


def test_an_account_without_an_invoice_is_looked_at_anew(world: World) -> None:
    """Carl's call of 2.01 comes after the wrong run, which had nothing of him to bill. No void opens him."""
    bare = msgspec.structs.replace(shop().plans[0], name="bare", recurring=(), allowances=())
    catalogue.publish(world.home, shop(2, START_US + 1, plans=(*shop().plans, bare)), world.tick())
    world.account("carl")
    world.subscription("carl-1", "carl", "shop/bare", "1003")
    undone = run(world, WRONG)
    with world.home.connect() as connection:
        assert latest_run(connection) == dt.date(2026, 12, 1)
    world.take(Call("1003", "2025-10-01T10:00:00", 60, 8690000000001))
    run(world, "2025-11-01")
    assert totals(world, "carl") == []
    undo(world, undone)
    run(world, "2025-11-01")
    assert totals(world, "carl") == [213], "2.01 and its tax"
    with world.home.connect() as connection:
        assert latest_run(connection) == dt.date(2025, 11, 1)
    told = export_files(world.home, world.home.path.parent / "exported", "csv").billed_through
    assert (told, all_is_well(world)) == (dt.date(2025, 11, 1), True)


def test_what_is_waived_after_the_first_run_is_billed_by_the_right_one(world: World) -> None:
    plans = tuple(msgspec.structs.replace(plan, late_usage=LateUsage.WAIVE) for plan in shop().plans)
    catalogue.publish(world.home, shop(2, START_US + 1, plans=plans), world.tick())
    undone = run(world, WRONG)
    world.take(Call("1002", "2025-10-20T10:00:00", 10 * MINUTE))
    undo(world, undone)
    run(world, "2025-11-01")
    assert totals(world, "ben")[-1] == 3816 + 106, "1.00 and its tax: no run has billed October before"
    assert all_is_well(world)


def test_what_rolls_over_is_what_the_run_before_left(world: World) -> None:
    """15 minutes roll over, 10 do not. The wrong run saw them lapse; undone, what October left serves November."""
    catalogue.publish(world.home, catalogue_with_saver(2, START_US + 2, 100_000), world.tick())
    world.account("dora")
    world.subscription("dora-1", "dora", "shop/saver", "1004")
    run(world, "2025-11-01")
    world.take(Call("1004", "2025-11-05T10:00:00", 40 * MINUTE))
    undone = run(world, WRONG)
    undo(world, undone)
    run(world, "2025-12-01")
    lines = [line for line in world.lines(world.numbers("dora")[-1]) if line[0] == "National calls"]
    assert [line[-1] for line in lines] == [0], "30 minutes, of which 15 rolled, and 10 that are shared"
    world.take(Call("1004", "2025-12-05T10:00:00", 26 * MINUTE))
    run(world, "2026-01-01")
    lines = [line for line in world.lines(world.numbers("dora")[-1]) if line[0] == "National calls"]
    assert [line[-1] for line in lines] == [10], "25 minutes of December are free, and nothing rolled"
    assert all_is_well(world)


def test_an_alarm_of_the_run_is_dismissed_and_raised_anew(world: World) -> None:
    for date in ("2025-11-01", "2025-12-01", "2026-01-01"):
        run(world, date)
    world.take(Call("1001", "2026-01-05T10:00:00", 3600, 8690000000001))
    undone = run(world, "2026-02-01")
    assert [(each.account_id, each.state) for each in alarms.list_all(world.home)] == [("anna", "open")]
    undo(world, undone)
    note = "run 4 is undone, as ana proposed: wrong date"
    assert [(each.state, each.note) for each in alarms.list_all(world.home)] == [("dismissed", note)]
    again = run(world, "2026-02-01")
    assert [(each.run_id, each.state) for each in alarms.list_all(world.home)] == [(undone, "dismissed"), (again, "open")]
    assert alarms.raise_alarms(world.home, again, who(world)) == 0
    assert all_is_well(world)


def test_an_interim_bill_before_it_stays(world: World) -> None:
    basic, plus = shop().plans
    plans = (basic, msgspec.structs.replace(plus, bill_thresholds=(BillThreshold(1, "ten", 10_000_000),)))
    catalogue.publish(world.home, shop(2, START_US + 1, plans=plans), world.tick())
    world.take(Call("1002", "2025-10-05T10:00:00", 600, 8690000000001))
    interim.run(world.home, dt.date(2025, 10, 16), who(world, on=dt.date(2025, 10, 16)))
    before = totals(world, "ben")
    undone = run(world, "2025-11-01")
    billed = totals(world, "ben")[1:]
    undo(world, undone)
    run(world, "2025-11-01")
    assert before[0] > 0
    assert (totals(world, "ben"), all_is_well(world)) == ([*before, *billed, *billed], True)


def test_a_reissue_is_undone_and_the_void_is_open_again(world: World) -> None:
    run(world, "2025-11-01")
    world.now_us = instant_us("2025-11-03T12:00:00")
    voiding.void(world.home, "R-0000000001", "wrong address", who(world))
    reissued = voiding.reissue(world.home, "R-0000000001", who(world)).run_id
    undo(world, reissued)
    with pytest.raises(UserError, match="R-0000000003 is of bill run 2, which is undone"):
        voiding.reissue(world.home, "R-0000000003", who(world))
    with pytest.raises(UserError, match="R-0000000003 was voided on 2025-11-03"):
        voiding.void(world.home, "R-0000000003", "again", who(world))
    run(world, "2025-12-01")
    assert (totals(world, "anna")[-1], all_is_well(world)) == (1379 + 1060, True)


def test_lists_say_so(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    undone = run(world, "2025-11-01")
    undo(world, undone, by=(ANA,))
    assert [each.undo_proposed_by for each in reports.list_runs(world.home)] == ["ana"]
    undo(world, undone, by=(BEN,))
    assert [(each.state, each.undone_by, each.invoices) for each in reports.list_runs(world.home)] == [("undone", "ben", 2)]
    assert main(["bill", "list", "--home", str(world.home.path)]) == 0
    assert "undone" in capsys.readouterr().out
    with pytest.raises(UserError, match="bill run 1 is undone"):
        quarantine_retry.retry(world.home, undone, world.tick(), Order().by)
    with world.home.connect() as connection, pytest.raises(UserError, match="there is no bill run yet"):
        refused_events.find_run(connection, None)
    assert [each.voided_on for each in invoicing.list_invoices(world.home)] == ["2025-11-01"] * 2


def test_books_find_what_was_undone_and_stands(world: World) -> None:
    undo(world, run(world, "2025-11-01"), "anna")
    assert all_is_well(world)
    world.changed("DELETE FROM invoice_events")
    assert "runs: documents of undone runs = void documents: 1 and 0" in wrong(world)


def test_the_rating_book_takes_an_undone_run_for_none(world: World) -> None:
    undone = run(world, "2025-11-01")
    span = Span(dt.date(2025, 10, 1), dt.date(2025, 11, 1))

    def not_due() -> int:
        with world.home.connect() as connection:
            seq = world.home.head_seq(connection)
        (line,) = rating_book(world.home, seq, span)
        assert line.ok
        return line.right["not_yet_due"].rows

    world.take(Call("1002", "2025-10-09T10:00:00", 60))
    again = run(world, "2025-11-01")
    assert not_due() == 0
    undo(world, again)
    undo(world, undone, "anna")
    assert not_due() == 3, "two calls of Anna, and Ben's, of which the second run alone knew"
    undo(world, undone)
    assert not_due() == 3
    run(world, "2025-11-01")
    assert (not_due(), all_is_well(world)) == (0, True)


def test_accounts_are_counted_as_the_report_counts_them(world: World) -> None:
    """The run covers Cleo, whose bill day is the 15th, and computes nothing of her; of Dora, who is new, nothing is due."""
    world.account("cleo", bill_day=15, opened_on="2025-10-20")
    world.subscription("cleo-1", "cleo", "shop/plus", "1003", from_date="2025-10-20")
    world.account("dora", opened_on="2025-11-01")
    world.subscription("dora-1", "dora", "shop/plus", "1004", from_date="2025-11-01")
    run_id = run(world, "2025-11-01")
    assert reports.run_report(world.home, run_id).accounts == 2, "anna and ben"
    world.catch_up()

    def tried(accounts: str = "") -> tuple[int, int]:
        named = frozenset(accounts.split(",")) if accounts else None
        done = undoing.undo(world.home, run_id, "wrong date", who(world), accounts=named, dry_run=True)
        return done.accounts, done.others

    assert (tried(), tried("anna"), tried("ben,cleo")) == ((2, 0), (1, 1), (2, 1))
    undo(world, run_id, "anna")
    assert tried() == (1, 0), "ben"


def test_the_command(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    run(world, "2025-11-01")
    command = ["bill", "undo", "--run", "1", "--reason", "wrong date", "--home", str(world.home.path)]
    assert main([*command, "--dry-run"]) == 0
    assert "would propose to undo run 1 of 2025-11-01: 2 documents of 51.95 CNY, 2 accounts that it computed\n" in capsys.readouterr().out
    assert main([*command, "--dry-run", "--accounts", "anna"]) == 0
    told = capsys.readouterr().out
    assert "would propose to undo run 1 of 2025-11-01 for 1 account: 1 document of" in told
    assert told.endswith("; it still counts for 1 other account that it computed\n")
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "proposed"
    assert main(command) == 1
    assert main([*command, "--withdraw"]) == 0
    assert "is withdrawn" in capsys.readouterr().out
    world.catch_up()
    pay(world, 100)
    assert main([*command, "--dry-run"]) == 1
    assert "in the way: anna: R-0000000001 is paid by payment" in capsys.readouterr().out
