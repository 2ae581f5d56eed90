"""Lists of documents, usage and statements as people read them: last days, languages, short numbers, and what is open of which run."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

import datetime as dt
import json
import shlex
from typing import TYPE_CHECKING

import pytest

from billing import payments
from rating.model import QuantityUnit, Service, UsageRule
from server.cli import app
from tests.billing.documents.clerk import CENT, credit, customer, void
from tests.billing.documents.test_showing import price, publish
from tests.billing.runs.world import Call, World, instant_us, shop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., str]

pytestmark = pytest.mark.slow
FIRST, SECOND = "R-0000000001", "R-0000000002"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Commands in a home with anna's invoices of October and November, the first paid; a credit note of the second."""
    world = World(tmp_path / "home")
    world.lived(_two_invoices)
    world.home.close()
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    capsys.readouterr()

    def run(text: str, status: int = 0) -> str:
        ended = app.main(shlex.split(text))
        captured = capsys.readouterr()
        assert ended == status, captured.err
        return captured.out if status == 0 else captured.out + captured.err

    return run


def _two_invoices(world: World) -> None:
    data = (*shop().prices, price(110, "Data", QuantityUnit.BYTE, 2_000_000, 10**9))
    publish(world, {"rules": (*shop().plans[0].rules, UsageRule(Service.DATA, "*", "Data"))}, prices=data)
    customer(world)
    world.take(Call("1001", "2025-10-08T10:00:00", 0, service=Service.DATA, volume_bytes=1_087_800_000))
    world.bill("2025-11-01")
    world.bill("2025-12-01")
    world.now_us = instant_us("2025-12-02T12:00:00")
    payments.record(world.home, "P-1", "anna", 1610 * CENT, dt.date(2025, 12, 2), "thanks", world.tick())
    credit(world, SECOND, 1, 100, on="2025-12-05", reference="CN-1")


def rows(text: str) -> list[str]:
    """Lines with their blanks squeezed."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_list_shows_the_last_day_of_periods_and_json_the_day_after(call: Command) -> None:
    assert rows(call("invoice list"))[:2] == [
        "number account from to due on total open currency by state",
        "C-0000000001 anna 2025-11-01 2025-11-30 2025-12-05 -1.06 0.00 CNY ana credit note",
    ]
    assert [each["period_to"] for each in json.loads(call("invoice list --json"))] == ["2025-12-01", "2025-11-01", "2025-12-01"]


def test_a_list_in_chinese(call: Command) -> None:
    found = rows(call("invoice list --language zh"))
    assert found[0] == "单据号 账户 起始日 截止日 付款期限 总额 未付 币种 经办人 状态"
    assert found[1].endswith("CNY ana 贷项通知单")


def test_a_list_of_what_is_open_of_a_date_or_of_a_run(call: Command) -> None:
    def numbers(options: str) -> list[str]:
        return [each["number"] for each in json.loads(call(f"invoice list {options} --json"))]

    assert numbers("--open") == [SECOND]
    assert numbers("--date 2025-11-01") == [FIRST]
    assert numbers("--date 2025-12-05") == ["C-0000000001"]
    assert numbers("--run 2") == [SECOND]
    assert numbers("--run 2 --date 2025-11-01") == []
    assert "'tomorrow' is not a date" in call("invoice list --date tomorrow", 2)


def test_a_void_document_is_not_open(call: Command, tmp_path: Path) -> None:
    world = World(tmp_path / "home", fresh=False)
    void(world, "C-0000000001", "2025-12-06")
    void(world, SECOND, "2025-12-06")
    world.home.close()
    assert json.loads(call("invoice list --open --json")) == []
    assert "作废 2025-12-06" in call("invoice list --language zh")


def test_numbers_without_their_zeros(call: Command) -> None:
    assert call("invoice show R-1") == call(f"invoice show {FIRST}")
    assert call("invoice explain R-01 1") == call(f"invoice explain {FIRST} 1")
    assert call("invoice usage R-1") == call(f"invoice usage {FIRST}")
    note = "--id CN-2 --line 1 --amount 1.00 --effect outside --reason goodwill --date 2025-12-05 --dry-run"
    assert call(f"invoice credit R-2 {note}").startswith(f"1.06 CNY (1.00 net, 0.06 tax) of {SECOND} would be credited")
    assert "R-0000000002" in call("ledger write-off R-2 --date 2025-12-05 --reason gone --amount 1.00 --dry-run")
    assert "no invoice has the number R-9" in call("invoice show R-9", 1)
    assert "no invoice has the number 1" in call("invoice show 1", 1)
    assert "R-0000000002" in call("invoice void R-2 --reason wrong --dry-run", 1)


def test_a_payment_names_an_invoice_by_its_short_number(call: Command) -> None:
    paid = json.loads(call("payment record --id P-2 --account anna --amount 2.00 --date 2025-12-06 --invoice R-2 --dry-run --json"))
    assert paid["allocated"] == [[SECOND, 200 * CENT]]


def test_usage_in_the_unit_of_the_tariff_and_in_chinese(call: Command, tmp_path: Path) -> None:
    found = rows(call("invoice usage R-1"))
    assert found[1] == "2025-10-05 10:00:00 anna-1 1001 8613900000001 National calls 1800 1200 s 1.00 CNY"
    assert found[3] == "2025-10-08 10:00:00 anna-1 1001 8613900000001 Data 1.0878 0 GB 2.1756 CNY"
    chinese = rows(call("invoice usage R-1 --language zh"))
    assert chinese[0] == "时间 订购 号码 对方号码 项目 用量 其中免费 单位 费用 币种"
    assert chinese[1].endswith("1800 1200 秒 1.00 CNY")
    file = tmp_path / "usage.csv"
    file.write_text("old", "utf-8")
    call(f"invoice usage R-1 --csv {file} --language zh --overwrite")
    assert file.read_text("utf-8").splitlines()[3].endswith("Data,1087800000,0,bytes,2.1756,CNY")


def test_a_statement_in_both_languages(call: Command) -> None:
    found = rows(call("payment statement anna --from 2025-12-01 --to 2025-12-31"))
    assert found[0] == "statement of account anna (Customer anna) from 2025-12-01 to 2025-12-31, in CNY"
    assert "2025-12-01 invoice R-0000000002 2025-11-01 to 2025-11-30 10.60 26.70" in found
    chinese = rows(call("payment statement anna --from 2025-12-01 --to 2025-12-31 --language zh"))
    assert chinese[:2] == ["账户 anna（Customer anna）对账单，自 2025-12-01，至 2025-12-31，币种 CNY", "日期 类型 单据 说明 借方 贷方 余额"]
    assert "2025-12-01 账单 R-0000000002 2025-11-01 至 2025-11-30 10.60 26.70" in chinese
    told = json.loads(call("payment statement anna --from 2025-12-01 --to 2025-12-31 --json"))
    assert (told["from_date"], told["to_date"]) == ("2025-12-01", "2026-01-01")


def test_last_days_in_what_is_not_billed_in_previews_and_in_facts(call: Command) -> None:
    assert rows(call("bill unbilled anna --date 2025-12-11"))[:3] == [
        "Account anna, not billed up to 2025-12-10; provisional, without tax",
        "subscription charge period events amount",
        "anna-1 Basic 2025-12-01 .. 2025-12-10 3.23",  # a fee has no events
    ]
    call("accounts open bare --name Bare --currency CNY --timezone Asia/Shanghai --bill-day 1 --opened-on 2025-12-01")
    assert call("bill unbilled bare --date 2025-12-11").splitlines()[1:] == ["nothing waits for an invoice"]
    assert call("bill unbilled bare --date 2025-12-11 --language zh").splitlines()[1:] == ["没有尚未出账的费用"]
    assert "anna 2025-12-01 2025-12-31 10.00 0.60 CNY" in rows(call("bill preview --date 2026-01-01 --account anna"))
    call("bill rerate --plan shop/basic --version 2 --periods 2025-10..2025-11")
    assert " 2025-10-01 .. 2025-11-30 " in rows(call("bill rerate-list"))[1]
    told = call("accounts outage anna-1 --from 2025-12-03 --to 2025-12-04 --reason storm")
    assert "out of order from 2025-12-03 to 2025-12-04: 2 days" in told
    assert next(row for row in rows(call("accounts show anna")) if "storm" in row).split()[1:4] == ["anna-1", "2025-12-03", "2025-12-04"]


def test_what_became_of_a_document_in_both_languages_and_as_json(call: Command, tmp_path: Path) -> None:
    world = World(tmp_path / "home", fresh=False)
    void(world, "C-0000000001", "2025-12-06")
    void(world, SECOND, "2025-12-06")
    world.home.close()
    assert call(f"invoice show {SECOND}").splitlines()[-2:] == [
        "This document was cancelled on 2025-12-06",
        "C-0000000001 of 2025-12-05 (-1.06 CNY) had credited it, and is void; reason: Goodwill",
    ]
    assert call(f"invoice show {SECOND} --language zh").splitlines()[-2:] == [
        "本单据已于 2025-12-06 作废",
        "曾由 C-0000000001（2025-12-05，-1.06 CNY） 减免，该单据已作废；原因：优惠减免",
    ]
    for_operators = json.loads(call(f"invoice show {SECOND} --json"))["after"]
    assert (for_operators["voided_by"], for_operators["void_reason"]) == ("ana", "wrong address")
    made = call(f"invoice reissue {SECOND}")
    assert made.startswith("R-0000000003: ")
    assert call("invoice show R-3").splitlines()[-1] == f"Replaces {SECOND} of 2025-12-01 (10.60 CNY), void as of 2025-12-06"
    assert call("invoice show R-3 --language zh").splitlines()[-1] == f"替代 {SECOND}（2025-12-01，10.60 CNY），该单据已于 2025-12-06 作废"
    assert "Replaced by R-0000000003 of " in call(f"invoice show {SECOND}")
    told = json.loads(call("invoice show R-3 --json"))
    assert [note["number"] for note in told["after"]["replaces"]] == [SECOND]
    assert [(line["days"], line["with_tax_micros"], line["passes"], line["unit"]) for line in told["lines"][:1]] == [([], None, [], "")]
    assert [(tax["text"], tax["taxed_micros"], tax["tax_micros"]) for tax in told["taxes"]] == [("VAT 6 %", 1000 * CENT, 60 * CENT)]


def test_language_is_one_word_and_the_old_one_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for option in ("--language", "--lang"):
        command = f"tariffs sheet mobile/smart-l --catalog tariffs/catalogs/mobile --at 2026-12-01 {option} zh"
        assert app.main(shlex.split(command)) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert told[0].startswith("资费说明: 智选 L\n")
    assert app.main(["tariffs", "sheet", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--language" in shown
    assert "--lang " not in shown
