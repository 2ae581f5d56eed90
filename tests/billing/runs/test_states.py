"""Trial, approval, rejection, restricted runs, quarantine and series of numbers: what a run may do when, and who may let it."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from billing import invoicing, setting_changes
from billing.controls import books, traces
from billing.documents import voiding
from billing.ledger import closed_months
from billing.runs import cycle, posting, quarantine, quarantine_retry, refused_events, reports, states, trial
from billing.runs.cycle import Order
from billing.runs.states import By
from billing.store import tables
from rating.errors import UserError
from tests.billing.documents.clerk import credit, void
from tests.billing.runs.world import Call
from tests.billing.second_person import set_by_two

if TYPE_CHECKING:
    from billing.runs.reports import RunReport
    from tests.billing.runs.world import World

ADA, BEN = By("ada", 1001), By("ben", 1002)
NOVEMBER, DECEMBER = dt.date(2025, 11, 1), dt.date(2025, 12, 1)


@pytest.fixture
def two(world: World) -> World:
    """Two accounts on plan basic since October, 10.00 a month each."""
    for name, number in (("anna", "1001"), ("bert", "1002")):
        world.account(name)
        world.subscription(f"{name}-1", name, "shop/basic", number)
    return world


def run(world: World, date: dt.date = NOVEMBER, **order: object) -> RunReport:
    return cycle.run(world.home, date, world.begun(date), order=Order(**{"by": ADA, **order}))  # type: ignore[arg-type] # fields of an order


def balanced(world: World) -> bool:
    return [book.name for book in books(world.home) if not book.ok] == []


def test_a_trial_numbers_nothing_and_what_comes_later_belongs_to_the_next_run(two: World) -> None:
    two.take(Call("1001", "2025-10-05T10:00:00", 25 * 60))
    tried = run(two, trial=True)
    assert (tried.state, tried.invoices, tried.drafts, two.numbers()) == ("computed", 0, 2, [])
    assert (tried.accounts, tried.events) == (2, {"RATED": 1})
    assert (tried.net_micros, tried.tax_micros) == ({"CNY": 20_500_000}, {"CNY": 1_230_000})  # 2 x 10.00 + 5 x 0.10, 6 %
    assert balanced(two)
    two.take(Call("1001", "2025-10-06T10:00:00", 600))
    assert run(two, trial=True).resumed, "a trial again shows the same list"
    done = run(two)
    assert (done.state, done.resumed, done.total_micros) == ("posted", True, {"CNY": 21_730_000})  # 2 x 10.00 + 5 x 0.10, 6 %
    assert run(two).total_micros == {"CNY": 1_060_000}
    assert balanced(two)


def test_a_trial_of_a_numbered_run_changes_nothing(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(posting, "post_run", stopped)
        with pytest.raises(InterruptedError):
            run(two)
    for _ in range(2):
        with pytest.raises(UserError, match="the bill run of 2025-11-01 has numbered its invoices") as caught:
            run(two, trial=True)
        assert caught.value.remedy == "finish it: ratewright bill run --date 2025-11-01"
    assert (run(two).state, balanced(two)) == ("posted", True)


def test_a_list_is_approved_by_somebody_else(two: World) -> None:
    setting_changes.put(two.home, "approval", "required", "ada", 1001, two.tick())
    waiting = run(two)
    assert (waiting.state, waiting.started_by, waiting.approved_by) == ("computed", "ada", "")
    with pytest.raises(UserError, match="bill run 1 of 2025-11-01 waits for approval"):
        run(two, resume=True)
    with pytest.raises(UserError, match="started by ada, who cannot approve it"):
        states.decide(two.home, 1, states.APPROVED, ADA, "", two.tick())
    for _ in range(2):  # the second word is the same one
        states.decide(two.home, 1, states.APPROVED, BEN, "looked at", two.tick())
    done = run(two, resume=True)
    assert (done.state, done.approved_by, done.invoices) == ("posted", "ben", 2)
    assert 0 < done.started_us < done.computed_us < done.numbered_us <= done.finished_us or done.computed_us == done.started_us
    with pytest.raises(UserError, match="is posted: only a computed run can be rejected"):
        states.decide(two.home, 1, states.DECISION_REJECTED, BEN, "", two.tick())
    assert balanced(two)


def test_an_approval_is_about_the_list_that_was_looked_at(two: World) -> None:
    run(two, trial=True)
    states.decide(two.home, 1, states.APPROVED, BEN, "looked at", two.tick())
    with two.home.begin() as connection:
        assert states.approved_by(connection, 1) == BEN
        connection.execute(tables.run_drafts.update().values(sha256=b"another list".ljust(32)))
        assert states.approved_by(connection, 1) is None


def test_a_rejected_list_is_never_billed_and_the_date_is_run_anew(two: World) -> None:
    run(two, trial=True)
    assert states.decide(two.home, 1, states.DECISION_REJECTED, ADA, "a tariff is wrong", two.tick()).state == "rejected"
    done = run(two)
    assert (done.run_id, done.resumed, done.invoices) == (2, False, 2)
    assert done.numbers == (reports.NumberRange("", "R-0000000001", "R-0000000002"),)
    assert [each.state for each in reports.list_runs(two.home)] == ["rejected", "posted"]
    assert balanced(two)


def test_an_abandoned_run_keeps_what_was_said_to_it(two: World) -> None:
    """Its number is given to no other run, and neither the approval of its list nor who gave it up is lost."""
    run(two, trial=True, accounts=frozenset({"anna"}))
    states.decide(two.home, 1, states.APPROVED, BEN, "looked at", two.tick())
    at_us = two.tick()
    assert cycle.abandon(two.home, NOVEMBER, states.Step(at_us, ADA)) == 1
    assert traces.findings(two.home) == []
    with two.home.connect() as connection:
        assert [row.by_name for row in connection.execute(sa.select(tables.run_decisions))] == ["ben"]
        assert states.steps(connection, 1)[states.ABANDONED] == states.Step(at_us, ADA)
    with pytest.raises(UserError, match="bill run 1 of 2025-11-01 is abandoned: only a computed run can be rejected"):
        states.decide(two.home, 1, states.DECISION_REJECTED, BEN, "", two.tick())
    with pytest.raises(UserError, match="bill run 1 was abandoned: it billed nothing, and its files are gone"):
        refused_events.refusals(two.home, 1)
    done = run(two)
    assert (done.run_id, done.invoices) == (2, 2)
    first, second = reports.list_runs(two.home)
    assert (first.state, first.drafts, first.invoices, first.finished_us, second.state) == ("abandoned", 0, 0, at_us, "posted")
    assert not (two.home.charges_folder / "run=1").exists()
    assert balanced(two)


def test_a_list_that_was_changed_is_not_numbered(two: World) -> None:
    run(two, trial=True)
    file = two.home.charges_folder / "run=1/frozen/lines.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"lines\.parquet was changed: it holds the list of invoices"):
        run(two)
    assert two.numbers() == []
    assert [each.total_micros for each in reports.list_runs(two.home)] == [{"CNY": 21_200_000}], "its index is as it was"
    (file.parent / "index.json").unlink()
    assert [each.total_micros for each in reports.list_runs(two.home)] == [{}], "a list that is gone has no figures"
    assert cycle.abandon(two.home, NOVEMBER, states.Step(two.tick())) == 1
    assert run(two).invoices == 2


def test_only_named_accounts(two: World) -> None:
    first = run(two, accounts=frozenset({"bert"}))
    assert (first.restricted, first.invoices, two.numbers("bert")) == (True, 1, ["R-0000000001"])
    rest = run(two)
    assert (rest.restricted, rest.invoices, two.numbers("anna")) == (False, 1, ["R-0000000002"])
    with pytest.raises(UserError, match="no account has the id zoe"):
        run(two, accounts=frozenset({"zoe"}))
    assert balanced(two)


def test_every_run_and_every_account_put_aside_has_a_kind(two: World) -> None:
    """Lists that are frozen in files keep their form: quarantine has no kind in them."""
    two.account("euro", currency="EUR")
    two.subscription("euro-1", "euro", "shop/basic", "1008")
    waiting = run(two, trial=True)
    index = json.loads((two.home.charges_folder / "run=1/frozen/index.json").read_bytes())
    assert ([each[1] for each in index["put_aside"]], sorted(waiting.quarantined), waiting.put_aside) == ([None], ["euro"], {})
    run(two)
    with two.home.connect() as connection:
        kinds = [connection.execute(sa.select(table.c.kind)).scalars().all() for table in (tables.bill_runs, tables.quarantine)]
    assert kinds == [["cycle"], ["quarantined"]]


def test_quarantine_is_listed_and_tried_again(two: World) -> None:
    two.account("euro", currency="EUR")
    two.subscription("euro-1", "euro", "shop/basic", "1008")
    run(two)
    reason = "a plan is priced in another currency than the account's"
    assert [(each.account_id, each.kind, each.reason) for each in quarantine.parked(two.home)] == [("euro", "quarantined", reason)]
    assert quarantine_retry.retry(two.home, 1, two.tick(), BEN).quarantined == {"euro": reason}, "nothing is mended yet"
    two.execute("UPDATE accounts SET currency = 'CNY' WHERE account_id = 'euro'")
    done = quarantine_retry.retry(two.home, 1, two.tick(), BEN)
    assert (done.restricted, done.invoices, done.bill_date) == (True, 1, "2025-11-01")
    assert quarantine.parked(two.home) == []
    assert {each.billed_by for each in quarantine.parked(two.home, every=True)} == {done.run_id}
    with pytest.raises(UserError, match="no account of bill run 1 is in quarantine"):
        quarantine_retry.retry(two.home, 1, two.tick(), BEN)
    assert balanced(two)


@pytest.mark.parametrize("at_once", [True, False])
def test_whoever_cannot_be_tried_again_in_a_closed_month_is_billed_in_an_open_one(two: World, at_once: bool) -> None:  # noqa: FBT001 -- a column
    two.execute("UPDATE accounts SET currency = 'EUR' WHERE account_id = 'anna'")
    run(two)
    two.execute("UPDATE accounts SET currency = 'CNY' WHERE account_id = 'anna'")
    closed_months.close(two.home, "", "2025-11", "month end", closed_months.Who("ada", 1001, two.tick()))
    with pytest.raises(UserError, match="the books for 2025-11 are closed") as caught:
        quarantine_retry.retry(two.home, 1, two.tick(), BEN)
    assert caught.value.remedy == (
        "the next run of the cycle bills what was put aside, and so does at once: ratewright bill run --accounts anna --date ...; "
        "date it in an open month; or have two people reopen 2025-11: ratewright ledger reopen --month 2025-11 --reason ..."
    )
    done = run(two, dt.date(2025, 12, 5), accounts=frozenset({"anna"})) if at_once else run(two, DECEMBER)
    assert done.total_micros == {"CNY": 21_200_000 + (0 if at_once else 10_600_000)}, "her two months, and Bert's second one"
    assert quarantine.parked(two.home) == []
    assert balanced(two)


def test_a_document_about_an_older_invoice_takes_nobody_out_of_quarantine(two: World) -> None:
    run(two)
    two.execute("UPDATE accounts SET currency = 'EUR' WHERE account_id = 'anna'")
    aside = run(two, DECEMBER)
    two.execute("UPDATE accounts SET currency = 'CNY' WHERE account_id = 'anna'")
    credit(two, two.numbers("anna")[0], 1, 100)
    assert [(each.run_id, each.account_id) for each in quarantine.parked(two.home)] == [(aside.run_id, "anna")]
    october = run(two, accounts=frozenset({"anna"}))  # of the period before the one that was left
    assert [each.billed_by for each in quarantine.parked(two.home)] == [0]
    done = quarantine_retry.retry(two.home, aside.run_id, two.tick(), BEN)
    assert (done.invoices, done.total_micros, october.invoices) == (1, {"CNY": 10_600_000}, 0)
    assert quarantine.parked(two.home) == []
    void(two, two.numbers("anna")[-1], "2025-12-01")
    assert [each.account_id for each in quarantine.parked(two.home)] == ["anna"], "nobody has billed her November, as things stand"
    assert balanced(two)


def test_each_entity_has_numbers_of_its_own_without_a_gap(two: World) -> None:
    with two.home.begin() as connection:
        seq = two.home.next_commit_seq(connection, "fact", two.tick())
        row = {"entity": "north", "name": "North Ltd", "invoice_prefix": "N", "credit_prefix": "NC", "commit_seq": seq}
        connection.execute(tables.legal_entities.insert().values(**row))
    for name, entity in (("carl", "north"), ("dora", None), ("emil", "north")):
        two.account(name)
        two.subscription(f"{name}-1", name, "shop/basic", f"9{name}")
        with two.home.begin() as connection:
            account = tables.accounts
            connection.execute(account.update().where(account.c.account_id == name).values(legal_entity=entity))
    run(two)
    given = [(each.account_id, each.number) for each in invoicing.list_invoices(two.home)]
    assert sorted(given) == [
        ("anna", "R-0000000001"), ("bert", "R-0000000002"), ("carl", "N-0000000001"), ("dora", "R-0000000003"), ("emil", "N-0000000002"),
    ]  # fmt: skip
    assert balanced(two)


def test_a_clock_that_was_set_back(two: World) -> None:
    """The run is asked for at noon of its date in Greenwich, after a commit of one o'clock."""
    with two.home.begin() as connection:
        two.home.next_commit_seq(connection, "fact", two.begun(NOVEMBER) + 3_600_000_000)
    with pytest.raises(UserError) as caught:
        run(two)
    assert (
        caught.value.message
        == "the clock says 2025-11-01 12:00:00 UTC, and the last commit was at 2025-11-01 13:00:00 UTC: it was set back"
    )
    assert reports.list_runs(two.home) == []


def test_a_bill_date_in_a_closed_month(two: World) -> None:
    closed_months.close(two.home, "", "2025-11", "done", closed_months.Who("ada", 1001, two.tick()))
    with pytest.raises(UserError, match="the books for 2025-11 are closed"):
        run(two)
    assert reports.list_runs(two.home) == []
    assert run(two, DECEMBER).invoices == 2


def test_the_closed_month_of_one_entity_is_in_the_way_of_its_own_accounts(two: World) -> None:
    with two.home.begin() as connection:
        seq = two.home.next_commit_seq(connection, "fact", two.tick())
        north = {"entity": "north", "name": "North Ltd", "invoice_prefix": "N", "credit_prefix": "NC"}
        connection.execute(tables.legal_entities.insert().values(**north, commit_seq=seq))
    two.execute("UPDATE accounts SET legal_entity = 'north' WHERE account_id = 'bert'")
    closed_months.close(two.home, "north", "2025-11", "done", closed_months.Who("ada", 1001, two.tick()))
    for named in (None, frozenset({"bert"}), frozenset({"anna", "bert"})):
        with pytest.raises(UserError, match="the books of north for 2025-11 are closed") as caught:
            run(two, accounts=named)
        assert "ratewright ledger reopen --month 2025-11 --entity north --reason" in (caught.value.remedy or "")
    assert run(two, accounts=frozenset({"anna"})).invoices == 1
    assert [each.run_id for each in reports.list_runs(two.home)] == [1]
    assert balanced(two)


def test_a_trial_beside_the_last_period(two: World) -> None:
    """Anna: ten times as much; bert: gone; carl: new. Dora has an account, and never a bill."""
    run(two)
    two.end("bert-1", "2025-11-01")
    two.account("carl", opened_on="2025-11-01")
    two.subscription("carl-1", "carl", "shop/basic", "1003", from_date="2025-11-01")
    two.account("dora")
    two.take(Call("1001", "2025-11-05T10:00:00", 1000 * 60))
    run(two, DECEMBER, trial=True)
    found = trial.compare(two.home, 2)
    assert (found.compared_runs, found.invoices_then, found.invoices_now) == ({1: "2025-11-01"}, 2, 2)
    anna = (1000 + 980 * 10) * 106 // 100  # 10.00 and 980 minutes beyond the free ones, 6 %
    assert changes(found) == {"jumps": [("anna", 1060, anna)], "lost": [("bert", 1060, 0)], "new": [("carl", 0, 1060)]}
    assert [(each.revenue_code, each.then_micros, each.now_micros) for each in found.revenue] == [
        (4010, 0, 98_000_000),
        (5000, 20_000_000, 20_000_000),
    ]


def changes(found: trial.Trial) -> dict[str, list[tuple[str, int, int]]]:
    """What a trial has to say, in cents."""
    return {
        name: [(each.account_id, each.then_micros // 10_000, each.now_micros // 10_000) for each in getattr(found, name).shown]
        for name in ("zero_bills", "jumps", "lost", "new")
        if getattr(found, name).count
    }


def test_a_trial_finds_the_last_bill_of_each_bill_day(world: World) -> None:
    """Bill days 15 and 31, 10.60 a month: the bill before that of 28 February is of 31 January, whoever was billed on the 15th between."""
    for name, bill_day in (("a15", 15), ("b31", 31)):
        world.account(name, bill_day=bill_day)
        world.subscription(f"{name}-1", name, "shop/basic", f"10{name}")
    for date in ("2025-11-15", "2025-11-30", "2025-12-15", "2025-12-31", "2026-01-15", "2026-01-31", "2026-02-15"):
        run(world, dt.date.fromisoformat(date))
    world.take(Call("10b31", "2026-02-05T10:00:00", 1000 * 60))
    found = trial.compare(world.home, run(world, dt.date(2026, 2, 28), trial=True).run_id)
    # 10.00 and 980 minutes beyond the free ones, 6 %
    assert changes(found) == {"jumps": [("b31", 1060, 11448)]}
    assert (found.compared_runs, found.invoices_then, found.invoices_now) == ({6: "2026-01-31"}, 1, 1)
    run(world, dt.date(2026, 2, 28))
    world.take(Call("10b31", "2026-02-06T10:00:00", 100 * 60))
    again = trial.compare(world.home, run(world, dt.date(2026, 2, 28), trial=True).run_id)
    assert (changes(again), again.compared_runs) == ({}, {8: "2026-02-28"})
    assert (again.total_micros_then, again.total_micros_now) == ({"CNY": 114_480_000}, {"CNY": 10_600_000})


def test_a_trial_knows_what_restricted_runs_have_billed(two: World) -> None:
    """Euro was in quarantine and billed by a retry, anna's invoice was issued anew: 10.60 each, as now. A run of bert has lost nobody."""
    two.account("euro", currency="EUR")
    two.subscription("euro-1", "euro", "shop/basic", "1008")
    run(two)
    two.execute("UPDATE accounts SET currency = 'CNY' WHERE account_id = 'euro'")
    assert quarantine_retry.retry(two.home, 1, two.tick(), BEN).invoices == 1
    void(two, "R-0000000001", "2025-11-02")
    voiding.reissue(two.home, "R-0000000001", closed_months.Who("ada", 1001, two.tick()))
    of_bert = trial.compare(two.home, run(two, DECEMBER, accounts=frozenset({"bert"}), trial=True).run_id)
    assert (changes(of_bert), of_bert.invoices_then, of_bert.invoices_now) == ({}, 1, 1)
    cycle.abandon(two.home, DECEMBER, states.Step(two.tick()))
    found = trial.compare(two.home, run(two, DECEMBER, trial=True).run_id)
    assert (changes(found), found.compared_runs) == ({}, dict.fromkeys((1, 2, 3), "2025-11-01"))
    assert (found.total_micros_then, found.total_micros_now) == ({"CNY": 31_800_000}, {"CNY": 31_800_000})
    assert [(each.revenue_code, each.then_micros, each.now_micros) for each in found.revenue] == [(5000, 30_000_000, 30_000_000)]


def test_a_correction_names_the_invoice_that_it_corrects(two: World) -> None:
    two.take(Call("1001", "2025-10-05T10:00:00", 25 * 60, key="x"))
    run(two)
    two.take(Call("1001", "2025-10-05T10:00:00", 30 * 60, key="x"))  # two records that differ: neither counts
    run(two, DECEMBER)
    line = tables.invoice_lines.c
    with two.home.connect() as connection:
        query = sa.select(line.kind, line.amount_micros, line.corrects_invoice_key).where(
            line.invoice_key == 3, line.period_from == "2025-10-01"
        )
        found = sorted(tuple(row) for row in connection.execute(query))
    assert found == [("tax", -30_000, 1), ("usage", -500_000, 1)]


def test_whoever_is_exempt_pays_no_tax_from_the_period_on_that_ends_in_it(two: World) -> None:
    fact = {"kind": "tax", "from_date": "2025-11-15", "to_date": None, "detail": '{"exempt":["*"]}', "retracts": None}
    key = two.key("accounts", "account_key", "account_id", "anna")
    two._add(tables.account_facts, account_key=key, by_name="ada", by_uid=1001, **fact)  # noqa: SLF001 -- the world's own way to add a fact
    assert run(two).tax_micros == {"CNY": 1_200_000}
    assert run(two, DECEMBER).tax_micros == {"CNY": 600_000}
    assert balanced(two)


def test_held_and_test_accounts_are_put_aside_with_their_reasons(two: World) -> None:
    """Anna is held on 1 November and caught up in December; bert is a test account: computed for the books, never invoiced."""
    for name, kind, ends, detail in (
        ("anna", "hold", "2025-11-02", '{"reason":"dispute"}'),
        ("bert", "category", None, '{"category":"test"}'),
    ):
        fact = {
            "kind": kind,
            "from_date": "2025-10-01",
            "to_date": ends,
            "detail": detail,
            "retracts": None,
            "by_name": "ada",
            "by_uid": 1001,
        }
        key = two.key("accounts", "account_key", "account_id", name)
        two._add(tables.account_facts, account_key=key, **fact)  # noqa: SLF001 -- the world's own way to add a fact
    done = run(two)
    assert (done.invoices, sorted(done.put_aside), done.quarantined) == (0, ["anna", "bert"], {})
    assert [(each.account_id, each.kind) for each in quarantine.parked(two.home)] == [("anna", "held"), ("bert", "test")]
    assert balanced(two)
    caught_up = run(two, DECEMBER)
    assert (caught_up.invoices, two.numbers("anna"), two.numbers("bert")) == (1, ["R-0000000001"], [])
    assert [line[1] for line in two.lines("R-0000000001") if line[0] == "Basic"] == ["2025-10-01", "2025-11-01"]
    assert balanced(two)


def test_numbering_asks_again_for_approval(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule may have been tightened, or the approval taken back, since the run looked."""
    setting_changes.put(two.home, "approval", "required", "ada", 1001, two.tick())
    run(two)
    monkeypatch.setattr(cycle, "_may_number", lambda *_: True)
    with pytest.raises(UserError, match="bill run 1 of 2025-11-01 waits for approval"):
        run(two)
    assert two.numbers() == []


def test_a_run_obeys_the_stricter_of_the_rules_at_its_start_and_now(two: World) -> None:
    """Begun under none, it waits once the rule is tightened; begun under required, it goes on waiting when two people lift the rule."""
    run(two, trial=True)
    setting_changes.put(two.home, "approval", "required", "ada", 1001, two.tick())
    assert run(two).state == "computed"
    cycle.abandon(two.home, NOVEMBER, states.Step(two.tick()))
    assert run(two).state == "computed"
    set_by_two(two.home, "approval", "none", two.tick)
    assert run(two).state == "computed"
    with pytest.raises(UserError, match="waits for approval"):
        run(two, resume=True)
    cycle.abandon(two.home, NOVEMBER, states.Step(two.tick()))
    assert run(two).state == "posted"
