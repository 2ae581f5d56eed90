"""Credit notes of either effect: tax that goes with them, bounds, and what the next run makes of them."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from billing import invoicing
from billing.accounting import balances
from billing.accounting import write_off as writing_off
from billing.accounts.kinds import DiscountFact
from billing.documents import adjusting, crediting
from billing.store import commit_points, tables
from rating.errors import UserError
from tests.billing.documents.clerk import ANA, BEN, CENT, cents, credit, customer, tell, void, who, wrong
from tests.billing.runs.world import Call, World, instant_us

FIRST = "R-0000000001"  # Basic 10.00, National calls 10 of 30 minutes at 0.10 = 1.00, Premium 2.01, tax 6 % of 13.01 = 0.78
SECOND = "R-0000000002"


@pytest.fixture
def billed(world: World) -> World:
    world.lived(_billed)
    return world


def _billed(world: World) -> None:
    customer(world).bill("2025-11-01")


def test_a_part_of_a_line_with_its_tax(billed: World) -> None:
    note = credit(billed, FIRST, 1, 250)
    assert (note.number, note.net_micros, note.tax_micros) == ("C-0000000001", -250 * CENT, -15 * CENT)
    assert billed.lines("C-0000000001") == [
        ("Credit: Basic", "2025-10-01", "2025-11-01", 0, -250),
        ("Credit: Tax standard 6 %", "2025-10-01", "2025-11-01", 0, -15),
    ]
    assert invoicing.get_invoice(billed.home, FIRST).summary.open_micros == (1379 - 265) * CENT
    assert (cents(billed), wrong(billed)) == (1379 - 265, [])


# what is credited of each line in turn (net cents), and the tax that goes with each: 0.78 on 13.01 in all
@pytest.mark.parametrize(
    ("steps", "taxes"),
    [
        ([(1, 1000), (2, 100), (3, 201)], [60, 6, 12]),
        ([(1, 999), (2, 100), (3, 201), (1, 1)], [60, 6, 12, 0]),
        ([(1, 8)] * 3 + [(1, 976), (2, None), (3, None)], [0, 1, 0, 59, 6, 12]),
        ([(3, 1), (3, 200), (1, 1000), (2, 100)], [0, 12, 60, 6]),
    ],
)
def test_the_last_note_takes_the_residue(billed: World, steps: list[tuple[int, int | None]], taxes: list[int]) -> None:
    given = [credit(billed, FIRST, *step, reference=f"step {place}").tax_micros // -CENT for place, step in enumerate(steps)]
    assert (given, sum(given)) == (taxes, 78)
    assert (cents(billed), wrong(billed)) == (0, [])
    with pytest.raises(UserError, match=f"nothing of {FIRST} is left to credit"):
        credit(billed, FIRST, None, None, reference="more")


@pytest.mark.parametrize(
    ("on", "refusal"),
    [
        ("2025-10-31", f"{FIRST} was issued on 2025-11-01: a credit cannot be dated 2025-10-31"),
        ("2025-11-07", f"a credit of {FIRST} cannot be dated 2025-11-07: today is 2025-11-06"),
        ("2045-06-01", f"a credit of {FIRST} cannot be dated 2045-06-01: today is 2025-11-06"),
        ("2025-11-06", None),
    ],
)
def test_a_credit_is_dated_between_its_invoice_and_today(billed: World, on: str, refusal: str | None) -> None:
    billed.now_us = instant_us("2025-11-06T00:01:00")  # in Shanghai; it is the fifth in Greenwich
    wanted = crediting.CreditRequest("note", FIRST, 1, 100 * CENT, "outside", "goodwill")
    if refusal is None:
        assert crediting.credit(billed.home, wanted, who(billed), on=dt.date.fromisoformat(on)).issued_on == on
    else:
        with pytest.raises(UserError, match=refusal):
            crediting.credit(billed.home, wanted, who(billed), on=dt.date.fromisoformat(on))
        assert cents(billed) == 1379


def test_all_of_an_invoice(billed: World) -> None:
    credit(billed, FIRST, 3, 100)
    note = credit(billed, FIRST, None, None, reference="rest")
    assert (note.net_micros, note.tax_micros, cents(billed), wrong(billed)) == (-1201 * CENT, -72 * CENT, 0, [])


@pytest.mark.parametrize("effect", ["outside", "advance"])
def test_what_the_next_run_makes_of_it(billed: World, effect: str) -> None:
    """`outside` stays given. `advance` counts as not billed: where no correction comes, the next run bills it again."""
    credit(billed, FIRST, 2, 50, effect)
    billed.bill("2025-12-01")
    again = [line[4] for line in billed.lines("R-0000000002") if line[1] == "2025-10-01"]
    assert again == ([] if effect == "outside" else [50, 3])
    assert (cents(billed), wrong(billed)) == (1379 + 1060 - (53 if effect == "outside" else 0), [])


def test_a_credit_in_advance_is_not_given_twice(billed: World) -> None:
    """The call of 2.01 turns out to be another's: the note gave 2.01 ahead, and the run that learns of it has nothing left to give."""
    credit(billed, FIRST, 3, 201, "advance")
    billed.own("1001", "anna-1")
    billed.take(Call("1001", "2025-10-07T10:00:00", 31, 8690000000001))  # another version of that call: both wait
    billed.bill("2025-12-01")
    assert [line[4] for line in billed.lines("R-0000000002") if line[1] == "2025-10-01"] == []
    assert (cents(billed), wrong(billed)) == (1379 - 213 + 1060, [])


def test_a_line_that_takes_something_off_is_not_said_to_be_corrected(world: World) -> None:
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    tell(world, "anna", "discount", DiscountFact("gift", amount_micros=CENT, charge_code=9, revenue_code=9), "2025-10-01")
    world.bill("2025-11-01")
    with pytest.raises(UserError, match=r"of line 1 of R-0000000001 0\.00 CNY may still be credited") as caught:
        credit(world, FIRST, 1, 1)
    assert caught.value.remedy.startswith("the line takes something off; name one that charges something")


def test_a_credit_never_exceeds_what_is_billed_by_now(billed: World) -> None:
    billed.take(Call("1001", "2025-10-07T10:00:00", 31, 8690000000001))  # the call of 2.01 waits: the next invoice gives it back
    billed.bill("2025-12-01")
    with pytest.raises(UserError, match=r"of line 3 of R-0000000001 0\.00 CNY may still be credited; 0\.01 is more") as refused:
        credit(billed, FIRST, 3, 1, on="2025-12-02")
    assert refused.value.remedy == "`ratewright invoice show R-0000000001` shows what corrects it", "there is no part to give"
    with pytest.raises(UserError, match=r"of line 1 of R-0000000001 10\.00 CNY may still be credited; 10\.01 is more") as refused:
        credit(billed, FIRST, 1, 1001, on="2025-12-02")
    assert refused.value.remedy == "give a part of it"
    assert credit(billed, FIRST, None, None, on="2025-12-02").net_micros == -1100 * CENT
    assert wrong(billed) == []


def test_the_same_reference_counts_once(billed: World) -> None:
    first = credit(billed, FIRST, 1, 250, reference="A")
    assert credit(billed, FIRST, 1, 250, reference="A").existed
    with pytest.raises(UserError, match="credit note A exists with amount_micros 2500000, not 2600000"):
        credit(billed, FIRST, 1, 260, reference="A")
    with billed.home.connect() as connection:
        notes = connection.execute(sa.select(sa.func.count()).where(tables.invoices.c.document_type == "credit_note")).scalar_one()
    assert (first.existed, notes, wrong(billed)) == (False, 1, [])


@pytest.mark.parametrize(
    ("line", "amount", "effect", "message"),
    [
        (4, 10, "outside", "has no line 4 that can be credited"),
        (9, 10, "outside", "has no line 9 that can be credited"),
        (1, 0, "outside", "0.00 is not an amount to credit"),
        (1, -5, "outside", "-0.05 is not an amount to credit"),
        (None, 5, "outside", "an amount is of one line"),
        (1, 5, "elsewhere", "'elsewhere' is not an effect"),
    ],
)
def test_what_cannot_be_credited(billed: World, line: int | None, amount: int, effect: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        credit(billed, FIRST, line, amount, effect)
    assert (cents(billed), wrong(billed)) == (1379, [])


def test_neither_a_void_invoice_nor_a_credit_note_is_credited(billed: World) -> None:
    credit(billed, FIRST, 1, 100)
    with pytest.raises(UserError, match="C-0000000001 is not an invoice"):
        credit(billed, "C-0000000001", 1, 1, reference="x")
    void(billed, "C-0000000001", "2025-11-06")
    void(billed, FIRST)
    with pytest.raises(UserError, match=f"{FIRST} is void"):
        credit(billed, FIRST, 1, 1, reference="x")


def test_a_note_that_is_void_says_so_when_it_is_asked_for_again(billed: World) -> None:
    note = credit(billed, FIRST, 1, 250, reference="one")
    assert (credit(billed, FIRST, 1, 250, reference="one").existed, note.voided_on) == (True, "")
    void(billed, note.number, on="2025-11-06")
    again = credit(billed, FIRST, 1, 250, reference="one")
    assert (again.number, again.existed, again.voided_on) == (note.number, True, "2025-11-06")


def write_off(world: World, amount: int, *, undo: bool = False) -> None:
    on, by = dt.date(2025, 11, 4), who(world)
    if undo:
        writing_off.undo(world.home, FIRST, on, "found", by)
    else:
        writing_off.write_off(world.home, FIRST, on, "gone", by, amount_micros=amount * CENT, limit_micros=amount * CENT)


def test_what_is_written_off_is_not_credited_before_it_is_taken_back(billed: World) -> None:
    """13.79 less 10.00 written off: 3.79 are open. 3.58 and 0.21 tax may be credited, and not a cent more: nobody would have paid it."""
    write_off(billed, 1000)
    with pytest.raises(UserError, match=f"{FIRST}: 10.00 CNY is written off and 3.79 open; 13.79 cannot be credited") as caught:
        credit(billed, FIRST, None, None)
    assert f"ratewright ledger write-off {FIRST} --undo" in caught.value.remedy
    with pytest.raises(UserError, match=r"3\.81 cannot be credited"):
        credit(billed, FIRST, 1, 359)  # tax 0.22
    credit(billed, FIRST, 1, 358)
    assert (cents(billed), wrong(billed)) == (0, [])
    write_off(billed, 0, undo=True)
    credit(billed, FIRST, None, None, reference="rest")
    assert (cents(billed), wrong(billed)) == (0, [])
    with billed.home.connect() as connection:
        assert [line.account for line in balances.trial_balance(connection) if line.balance_micros] == [], (
            "nothing is lost or to be paid out"
        )


def test_an_invoice_below_zero_is_not_credited_as_a_whole(world: World) -> None:
    """October of plan basic, 10.00, and a credit of 30.00: the invoice is -20.00 and tax -1.20; no later document changed it."""
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/basic", "1001")
    give(world, -3000)
    world.bill("2025-11-01")
    with pytest.raises(UserError, match=f"{FIRST} gives 21.20 CNY back: it cannot be credited as a whole") as caught:
        credit(world, FIRST, None, None)
    assert "--line" in caught.value.remedy


def give(world: World, amount: int) -> None:
    wanted = adjusting.AdjustmentRequest("g", "anna", dt.date(2025, 10, 10), amount * CENT, "goodwill", "sorry", "shop", "standard")
    for person in (ANA, BEN):
        adjusting.add(world.home, wanted, who(world, person))


def test_a_dry_run_uses_no_number(billed: World) -> None:
    assert credit(billed, FIRST, 1, 250, dry_run=True).total_micros == -265 * CENT
    assert credit(billed, FIRST, 1, 250).number == "C-0000000001"
    assert wrong(billed) == []


def test_a_note_while_a_run_is_numbered_and_not_posted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run credits the fee of a subscription that had ended. Its document settles when the note does; the books hold throughout."""
    customer(world)
    world.bill("2025-11-01")
    world.end("anna-1", "2025-10-15")

    def stopped(name: str) -> None:
        if name == "run.numbered":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(commit_points, "reached", stopped)
        with pytest.raises(KeyboardInterrupt):
            world.bill("2025-12-01")
    credit(world, FIRST, 1, 50)
    assert wrong(world) == []
    world.bill("2025-12-01")
    assert wrong(world) == []


def take_rent_back(world: World, goodwill: int = 0) -> World:
    """November's rent of 3.00 is billed ahead and taken back, as the subscription had ended; a charge by hand of 1.00 stands beside that.

    So November comes to -2.00 net on the second invoice (tax -0.12), and to 1.00 on both, less a credit out of goodwill of the rent.
    December's rent of another subscription is on it as well.
    """
    world.account("anna")
    world.subscription("anna-1", "anna", "shop/plus", "1001")
    world.bill("2025-11-01")
    if goodwill:
        rent = next(n for n, each in enumerate(invoicing.get_invoice(world.home, FIRST).lines, 1) if each.period_from == "2025-11-01")
        credit(world, FIRST, rent, goodwill, reference="rent")
    world.end("anna-1", "2025-11-01")
    world.subscription("anna-2", "anna", "shop/plus", "1002", from_date="2025-12-01")
    wanted = adjusting.AdjustmentRequest("late", "anna", dt.date(2025, 11, 10), 100 * CENT, "goodwill", "late usage", "shop", "standard")
    adjusting.add(world.home, wanted, who(world))
    world.bill("2025-12-01")
    return world


@pytest.fixture
def corrected(world: World) -> World:
    world.lived(take_rent_back)
    return world


def by_hand(world: World) -> int:
    """The number of the line by hand of the second invoice."""
    lines = invoicing.get_invoice(world.home, SECOND).lines
    return next(place for place, each in enumerate(lines, start=1) if each.kind == "adjustment")


def test_a_line_of_a_class_that_corrects_another_invoice_is_credited_with_its_tax(corrected: World) -> None:
    before = cents(corrected)
    note = credit(corrected, SECOND, by_hand(corrected), None, on="2025-12-02")
    assert (note.net_micros, note.tax_micros) == (-100 * CENT, -6 * CENT)
    assert (cents(corrected), wrong(corrected)) == (before - 106, [])
    with pytest.raises(UserError, match=f"nothing of line 1 of {SECOND} is left to credit") as refused:
        credit(corrected, SECOND, by_hand(corrected), None, reference="more", on="2025-12-02")
    assert refused.value.remedy == f"`ratewright invoice show {SECOND}` shows its credit notes and what corrects it"


@pytest.mark.parametrize("parts", [(50,), (33, 33), (8, 8, 8), (99,), ()])
def test_in_parts_and_then_as_a_whole_it_comes_to_the_invoice(corrected: World, parts: tuple[int, ...]) -> None:
    total = next(each.total_micros for each in invoicing.list_invoices(corrected.home) if each.number == SECOND)
    given = [credit(corrected, SECOND, by_hand(corrected), each, reference=f"{n}", on="2025-12-02") for n, each in enumerate(parts)]
    left = 100 - sum(parts)
    assert sum(each.tax_micros for each in given) == ((left * 6 + 50) // 100 - 6) * CENT, "what is left of November is taxed as it is due"
    given.append(credit(corrected, SECOND, None, None, reference="rest", on="2025-12-02"))
    assert sum(each.total_micros for each in given) == -total
    assert wrong(corrected) == []


def test_the_class_on_all_documents_bounds_the_line_and_is_named(world: World) -> None:
    """0.40 of the rent of November was given back before: 0.60 is left of the class, and then nothing."""
    take_rent_back(world, goodwill=40)
    with pytest.raises(UserError, match=r"0\.60 CNY may still be credited; 0\.61 is more"):
        credit(world, SECOND, by_hand(world), 61, reference="much", on="2025-12-02")
    assert credit(world, SECOND, by_hand(world), None, reference="rest", on="2025-12-02").net_micros == -60 * CENT
    for amount in (None, 1):
        told = "is left to credit: its tax class comes to 0.00 CNY net on all documents for 2025-11-01 to 2025-11-30"
        with pytest.raises(UserError, match=told) as refused:
            credit(world, SECOND, by_hand(world), amount, reference="more", on="2025-12-02")
        assert refused.value.remedy.startswith("credit the invoice as a whole (without --line), or give the amount back with")
    assert wrong(world) == []
