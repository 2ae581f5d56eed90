"""Texts about late usage that people read before they decide: proposals that wait, what cannot be billed, and what it is worth at least."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from billing import agreeing, setting_changes
from billing.accounts import agreements
from billing.accounts.recording import Asked
from billing.catalogue import Operator
from billing.documents import crediting
from billing.invoicing import get_invoice
from billing.late_decisions import BILLED, WRITTEN_OFF
from billing.left_out.words import sentences
from billing.too_late.listing import listed
from billing.too_late.possible import unpriced
from billing.verification.explain_line import explain_record
from rating.errors import UserError
from rating.model import Service
from server.cli.homes import Place
from server.cli.usage.too_late import too_late
from tests.billing.documents.clerk import void
from tests.billing.runs.test_pools_and_late import arrive
from tests.billing.runs.world import Call
from tests.billing.too_late.late_world import ANA, BEN, CENT, NUMBERS, amounts, decide, late, take_back, who, wrong
from tests.billing.too_late.test_deciding import found_as

if TYPE_CHECKING:
    from tests.billing.runs.world import World

pytestmark = pytest.mark.slow


def limited(world: World, cents: int) -> World:
    late(world)
    setting_changes.put(world.home, "late_usage_limit_micros", str(cents * CENT), *ANA, who(world).now_us)
    return world


def last_words(world: World, record: str, language: str = "en") -> str:
    (told,) = explain_record(world.home, record).left_out
    is_priced = told.event_key not in unpriced(world.home, [told])
    return sentences(told, language, is_priced=is_priced)[-1]


def test_a_proposal_that_waits_is_told_and_a_contrary_one_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    limited(world, 1)
    proposal = decide(world, BILLED, "late-1").proposal
    (told,) = explain_record(world.home, "late-1").left_out
    assert (told.proposal, told.proposed, told.proposed_by) == (proposal, "late_usage_bill", "ana")
    assert "To bill it waits as proposal 1 of ana: another person agrees with `ratewright approvals agree 1`" in last_words(world, "late-1")
    assert "等待另一人处理" in last_words(world, "late-1", "zh")
    assert found_as(world, "late-1") == "too late: its period is closed; proposal 1 waits"
    assert too_late(at=Place(world.home.path)) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("late-")]
    assert {line.split()[0]: "proposal 1 waits" in line for line in rows} == {f"late-{n}": n == 1 for n in range(1, 6)}
    for records in (("late-1",), ("late-1", "late-2")):
        with pytest.raises(UserError, match="record late-1 waits in proposal 1 of ana, to bill it") as refused:
            decide(world, WRITTEN_OFF, *records, person=BEN)
        assert refused.value.remedy == "have it refused first: ratewright approvals refuse 1 --note ..."
    agreeing.agree(world.home, proposal, "seen", who(world, BEN))
    assert explain_record(world.home, "late-1").left_out[0].proposal == 0
    assert wrong(world) == set()


def test_explain_advises_what_is_possible(world: World) -> None:
    late(world)
    arrive(world, "2026-03-10T12:00:00", Call(NUMBERS["anna"], "2025-10-07T10:00:00", 0, key="message", service=Service.SMS))
    world.bill("2026-04-01")
    assert "`too-late bill` or `too-late write-off` decides" in last_words(world, "late-1")
    for record in ("late-3", "message"):
        text = last_words(world, record)
        assert "too-late bill" not in text
        assert "`too-late write-off` closes it, and `ratewright adjustment add` charges" in text
        assert "`ratewright adjustment add`" in last_words(world, record, "zh")
    assert "No plan of its owner has a price for it" in last_words(world, "message")


def test_a_record_that_holds_an_amount_is_worth_that_at_least(world: World) -> None:
    limited(world, 100_00)
    about = {"service": Service.CONTENT, "key": "dear"}
    arrive(world, "2026-03-10T12:00:00", Call(NUMBERS["anna"], "2025-10-07T10:00:00", 0, amount_micros=10**12, currency="CNY", **about))
    world.bill("2026-04-01")
    (each,) = [each for each in listed(world.home, world.now_us).records if each.record.record_id == "dear"]
    assert (each.worth_micros, each.currency, each.basis) == (10**12, "CNY", "own amount")
    assert decide(world, WRITTEN_OFF, "dear", dry_run=True).needs_second


def test_taking_back_names_a_reference_that_no_credit_note_has(world: World) -> None:
    """The credit note was made void: its reference is taken."""
    late(world)
    (group,) = decide(world, BILLED, account="anna").groups
    world.bill("2026-04-01")
    number = world.numbers("anna")[-1]
    (line,) = [each for each in get_invoice(world.home, number).lines if each.text == group.text]
    wanted = crediting.CreditRequest(f"credit-{group.reference}", number, line.line_no, None, "outside", "goodwill")
    world.begun(dt.date(2026, 4, 2))
    note = crediting.credit(world.home, wanted, who(world), on=dt.date(2026, 4, 2)).number
    void(world, note, "2026-04-03")
    with pytest.raises(UserError) as refused:
        take_back(world, 1)
    assert f"--id credit-{group.reference}-2 --reason" in refused.value.remedy
    again = wanted.__class__(f"credit-{group.reference}-2", number, line.line_no, None, "outside", "goodwill")
    crediting.credit(world.home, again, who(world), on=dt.date(2026, 4, 3))
    with pytest.raises(UserError, match="has credited it"):
        take_back(world, 1)
    assert (group.text, 40) in amounts(world, number)


def test_a_proposal_about_an_account_that_closed_is_to_be_refused(world: World) -> None:
    limited(world, 1)
    proposal = decide(world, BILLED, "late-5").proposal
    agreements.close(world.home, Asked(Operator(*ANA), who(world).now_us), "bert", dt.date(2025, 12, 1), "moved")
    with pytest.raises(UserError, match="account bert is closed on 2025-12-01") as refused:
        agreeing.agree(world.home, proposal, "seen", who(world, BEN))
    refuse = f"ratewright approvals refuse {proposal} --note ..."
    assert refused.value.remedy.startswith(f"have the proposal refused: {refuse}; or: write it off")
