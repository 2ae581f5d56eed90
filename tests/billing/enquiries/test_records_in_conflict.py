"""Records with versions in conflict that no run has charged: on an interim bill, or on no bill.

Anna's call of 60 minutes comes to 6.00 on her interim bill. Then a version of 20 minutes comes, 2.00, of her number or of Bert's.
"""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from billing.enquiries import usage
from billing.enquiries.usage_rows import Instants
from billing.suspense import resolving
from billing.verification.explain_line import explain_record
from server.actions.enquiries.since_run import conflict_sentences
from server.cli import app
from server.cli.usage.find import state_in_words
from tests.billing.runs.test_interim_charges import Lives
from tests.billing.suspense.world import asking
from tests.billing.too_late.late_world import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

BILLED: Final = "runs 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 60\n2025-11-12 interim"
ANNAS: Final = f"{BILLED}\n2025-11-13 call anna 2025-11-05 20"
BERTS: Final = f"{BILLED}\n2025-11-13 call bert 2025-11-05 20"
HEAD: Final = "Record x of switch, begun 2025-11-05 02:00:00 (UTC): it waits in suspense as 1, 2."
CHOOSE: Final = "Versions of the record are in conflict, and none counts until one is chosen: `ratewright usage suspense resolve 1`."


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Lives]:
    made = Lives(tmp_path)
    yield made
    made.world.home.close()


def explained(history: Lives, language: str = "en") -> list[str]:
    found = explain_record(history.world.home, "x")
    assert (found.outcomes, found.left_out) == ((), ())
    (each,) = found.in_conflict
    return conflict_sentences(each, language)


@pytest.mark.parametrize("acts", [ANNAS, BERTS])
def test_bill_explain_names_suspense_and_the_interim_bill(history: Lives, acts: str) -> None:
    history.all(acts)
    number = history.world.numbers("anna")[-1]
    on = f"The interim bill {number} of account anna has the version of 3,600 s."
    comes = "A run of anna that bills its period takes it off, unless that version is chosen before."
    assert explained(history) == [HEAD, CHOOSE, f"{on} {comes}"]
    assert explained(history, "zh") == [
        "记录 x（来源 switch），开始于 2025-11-05 02:00:00（UTC）：待处理，编号 1、2。",
        "该记录的各版本互相冲突，选定之前均不计费：`ratewright usage suspense resolve 1`。",
        f"账户 anna 的期中账单 {number} 已计入 3,600 s 的版本。anna 在其账期的出账将其冲回，除非此前选定该版本。",
    ]
    history.all("runs 2025-12 2025-12")
    assert history.billed() == (0, 0), "the run of December took 6.00 off"
    assert explained(history) == [HEAD, CHOOSE]


def test_the_version_of_a_later_interim_bill_is_told(history: Lives) -> None:
    """The second interim bill has 15.00 of another call, less 4.00 of the first: that reaches 9.00, the second threshold."""
    history.all(f"{ANNAS}\n2025-11-13 keep 20\n2025-11-14 other 2025-11-06 150\n2025-11-15 interim")
    assert history.billed() == (1700, 0)
    history.all("2025-11-16 call anna 2025-11-05 30")
    assert "has the version of 1,200 s" in explained(history)[-1]


def test_on_no_bill(history: Lives) -> None:
    history.all("runs 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 60\n2025-11-13 call anna 2025-11-05 20")
    assert explained(history) == [HEAD, CHOOSE]


def test_the_command_ends_with_exit_status_0(history: Lives, capsys: pytest.CaptureFixture[str]) -> None:
    """No run has seen the second record: it is known by its rows in suspense alone."""
    history.all("runs 2025-11 2025-11\n2025-11-10 call anna 2025-11-05 60\n2025-11-13 call anna 2025-11-05 20")
    words = ["bill", "explain", "x", "--home", str(history.world.home.path)]
    assert app.main(words) == 0
    assert capsys.readouterr().out.splitlines() == [HEAD, CHOOSE]
    assert app.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["events"], told["left_out"], [each["suspense_ids"] for each in told["in_conflict"]]) == ([], [], [[1, 2]])
    assert app.main([*words, "--run", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [HEAD, CHOOSE]


def test_usage_find_names_account_and_interim_bill(history: Lives) -> None:
    history.all(ANNAS)
    number = history.world.numbers("anna")[-1]
    found = usage.find(history.world.home, NUMBERS["anna"], Instants()).records
    assert [(each.suspense_id, each.account_id, each.invoice, each.line_no) for each in found] == [
        (1, "anna", number, 0),
        (2, "anna", number, 0),
    ]
    assert [state_in_words(each, "en") for each in found] == [
        f"waits in suspense as {row}: versions of the record conflict; on the interim bill {number} of anna as 3,600 s" for row in (1, 2)
    ]
    assert state_in_words(found[0], "zh") == f"待处理，编号 1：该记录的各版本互相冲突；已计入账户 anna 的期中账单 {number}（3,600 s）"
    history.all("runs 2025-12 2025-12")
    assert [each.invoice for each in usage.find(history.world.home, NUMBERS["anna"], Instants()).records] == ["", ""]


def test_usage_find_of_another_account_names_the_one_that_is_billed(history: Lives) -> None:
    """As of a bill of the cycle: Bert's number has a version, and Anna's bill has hers."""
    history.all(BERTS)
    number = history.world.numbers("anna")[-1]
    for whose in ("anna", "bert"):
        (record,) = usage.find(history.world.home, NUMBERS[whose], Instants()).records
        assert (record.account_id, record.invoice, record.billed_account_id) == ("anna", number, "anna")
        assert state_in_words(record, "en").endswith(f"versions of the record conflict; on the interim bill {number} of anna as 3,600 s")


def resolved(history: Lives, minutes: int, capsys: pytest.CaptureFixture[str]) -> tuple[list[str], dict[str, Any]]:
    """The sentences about bills of a dry run that keeps the version of so many minutes, and the same for programs."""
    name = named(history, minutes)
    words = ["usage", "suspense", "resolve", "1", "--dry-run", "--keep", name, "--home", str(history.world.home.path)]
    assert app.main(words) == 0
    text = capsys.readouterr().out.splitlines()
    assert app.main([*words, "--json"]) == 0
    sentences = text[text.index(f"dry run: version {name} would count, and the others would be dropped") + 2 :]
    return [line for line in sentences if "approve" not in line], json.loads(capsys.readouterr().out)


def named(history: Lives, minutes: int) -> str:
    found = resolving.versions(history.world.home, asking(history.world).seq, 1)
    return found.names[found.rows["duration_us"].to_pylist().index(minutes * 60_000_000)]


def test_resolve_names_the_interim_bill_that_corrects_or_keeps(history: Lives, capsys: pytest.CaptureFixture[str]) -> None:
    history.all(ANNAS)
    number = history.world.numbers("anna")[-1]
    has = f"interim bill {number} of anna has version {named(history, 60)}"
    text, told = resolved(history, 60, capsys)
    assert text == [f"{has}: it stays there"]
    bill = {"version": named(history, 60), "account_id": "anna", "invoice": number, "line_no": 0}
    assert told["on_bill"] == {**bill, "charge_micros": 0, "currency": "", "later_lines": []}
    text, told = resolved(history, 20, capsys)
    assert (text, told["given_back"]) == ([f"{has}: the run of 2025-12-01 or later corrects it"], None)
    history.all("2025-11-14 keep 20\nruns 2025-12 2025-12")
    assert history.billed() == (200, 0), "as said: 4.00 less"


def test_resolve_says_which_run_gives_it_back(history: Lives, capsys: pytest.CaptureFixture[str]) -> None:
    history.all(BERTS)
    number = history.world.numbers("anna")[-1]
    text, told = resolved(history, 20, capsys)
    assert text == [
        f"interim bill {number} of anna has version {named(history, 60)}: the run of 2025-12-01 or later gives it back to anna",
        f"version {named(history, 20)} is of bert: once it is given back, the run of 2025-12-01 or later bills it, 2.00 CNY",
    ]
    assert told["on_bill"]["invoice"] == number
    assert (told["given_back"], told["billed_to"]) == ({"account_id": "anna", "next_bill_date": "2025-12-01"}, "bert")
    history.all("2025-11-14 keep 20\nruns 2025-12 2025-12")
    assert history.billed() == (0, 200)


def test_take_back_names_the_interim_bill(history: Lives, capsys: pytest.CaptureFixture[str]) -> None:
    history.all(ANNAS)
    number, name = history.world.numbers("anna")[-1], named(history, 60)
    history.all("2025-11-14 keep 60")
    words = ["usage", "suspense", "take-back", "1", "--dry-run", "--note", "so", "--home", str(history.world.home.path)]
    assert app.main(words) == 0
    assert f"interim bill {number} of anna has version {name}: the next run takes it off" in capsys.readouterr().out.splitlines()
    assert app.main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["on_bill"]["invoice"] == number
