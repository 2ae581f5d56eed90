"""Records that an interim bill or a re-rating has: `usage find` and `bill explain` name it, and whose it is."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from billing.enquiries import usage
from billing.enquiries.usage_rows import Instants
from billing.left_out.words import sentences
from billing.runs.selection.left_out import LeftOut
from billing.verification.explain_line import explain_record
from server.cli.usage.find import state_in_words
from tests.billing.documents.test_interim_moved import Interims
from tests.billing.runs.test_moved_histories import History
from tests.billing.runs.test_moved_rerated import rerated_history
from tests.billing.too_late.late_world import NUMBERS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

INTERIM: Final = "runs 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 10\n2025-11-12 interim"


def told(history: History) -> tuple[str, str, str]:
    """The state of the record in both commands: in short, in short in Chinese, and the last sentence."""
    (found,) = usage.find(history.world.home, NUMBERS["anna"], Instants()).records
    (explained,) = explain_record(history.world.home, "x").left_out
    return state_in_words(found, "en"), state_in_words(found, "zh"), sentences(explained)[-1]


def test_of_its_own_account(tmp_path: Path) -> None:
    history = Interims(tmp_path)
    history.all(INTERIM)
    number = history.world.numbers("anna")[-1]
    assert told(history) == (
        f"billed on the interim bill {number}",
        f"已计入期中账单 {number}",
        f"It is on the interim bill {number}. The run that bills its period adds what came since.",
    )
    (found,) = usage.find(history.world.home, NUMBERS["anna"], Instants()).records
    assert (found.state, found.invoice, found.line_no, found.account_id) == (usage.State.BILLED, number, 0, "anna")
    history.world.home.close()


def test_after_the_run_of_the_cycle(tmp_path: Path) -> None:
    """It stays on the line of the interim bill; the bill of the cycle has what came since, and may be void."""
    history = Interims(tmp_path)
    history.all(f"{INTERIM}\n2025-11-20 other 2025-11-15 40\nruns 2025-12 2025-12")
    interim_bill, last = history.world.numbers("anna")[-2:]
    records = {each.record_id: each for each in usage.find(history.world.home, NUMBERS["anna"], Instants()).records}
    assert (records["x"].state, records["x"].invoice, records["x"].line_no, records["x"].charge_micros) == (
        "billed",
        interim_bill,
        1,
        1_000_000,
    )
    assert (records["y"].state, records["y"].invoice) == ("billed", last)
    history.tell("2025-12-03 void anna 2")
    records = {each.record_id: each for each in usage.find(history.world.home, NUMBERS["anna"], Instants()).records}
    assert (records["x"].state, records["x"].invoice, records["y"].state) == ("billed", interim_bill, "void")
    history.world.home.close()


def test_a_run_that_leaves_it_out_as_closed_does_not_say_that_it_is_too_late(tmp_path: Path) -> None:
    """A hold of Bert makes the run of February read November, which is closed to Anna and on her bill."""
    history = History(tmp_path)
    history.all("2025-10-01 hold bert 2026-02-20\n2025-11-10 call anna 2025-11-05 10\nruns 2025-11 2026-03")
    told = [each.reason for run in range(2, 6) for each in explain_record(history.world.home, "x", run).left_out]
    assert LeftOut.CLOSED not in told
    history.world.home.close()


def test_of_another_account_and_void(tmp_path: Path) -> None:
    history = Interims(tmp_path)
    history.all(f"{INTERIM}\n2025-11-13 move anna bert-1 2025-11-02")
    number = history.world.numbers("anna")[-1]
    short, short_zh, sentence = told(history)
    assert short == f"on the interim bill {number} of anna, until a run takes it off there"
    assert short_zh == f"已计入账户 anna 的期中账单 {number}，由该账户的出账冲回"
    where = f"It is on the interim bill {number} of account anna."
    assert sentence == f"{where} A run of anna takes it off; then it is billed to the account that has its number."
    history.tell(f"2025-11-14 void anna {len(history.world.numbers('anna')) - 1}")
    assert told(history)[0] == "not yet due"
    history.world.home.close()


def test_a_re_rating_of_another_account(tmp_path: Path) -> None:
    history = History(tmp_path)
    rerated_history(history, "runs 2025-11 2026-02", "2026-02-03")
    history.all("2026-02-06 hold anna never\n2026-02-07 move anna bert-1 2025-10-10\nruns 2026-03 2026-03")
    number = history.world.numbers("anna")[-1]
    (found,) = usage.find(history.world.home, NUMBERS["anna"], Instants()).records
    assert state_in_words(found, "en") == f"on R-0000000001, which is void; re-rated since: {number}/3 1.00"
    history.world.home.close()
