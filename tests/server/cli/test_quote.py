"""quote through the command line: kernel and twin agree, or nothing is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from rating import reference
from server.cli import app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.outcome import Bucket, Event, Outcome

CATALOGS = Path(__file__).parents[3] / "tariffs" / "catalogs"
CALL = ["quote", "--plan", "mobile/smart-m", "--service", "voice", "--to", "+49 30 123456", "--at", "2026-10-25T02:59:30+02:00"]
BOTH = ["--catalog", CATALOGS / "mobile", "--catalog", CATALOGS / "mobile-2026-10-15"]

# further words -> status, charge in micro-units, chargeable quantity
ROWS = [
    ([*CALL, "--duration", "185.2s"], "RATED", 31_000, 186_000),  # 186 s at 0.01 a minute, in an hour that comes twice
    ([*CALL, "--duration", "185.2s", "--allowance", "3min"], "RATED", 1_000, 186_000),  # 6 s are left to pay
    ([*CALL, "--duration", "185.2s", "--allowance", "10min"], "ZERO_RATED", 0, 186_000),
    ([*CALL, "--duration", "60.0001s"], "RATED", 10_200, 61_000),  # rounded half up to 0.0001
    ([*CALL, "--duration", "0s"], "ZERO_RATED", 0, 0),
    ([*CALL[:6], "88165", *CALL[7:], "--duration", "1s"], "NOT_SOLD", 0, 0),
    ([*CALL[:6], "1234567890123456", *CALL[7:], "--duration", "1s"], "INVALID_NUMBER", 0, 0),
    (
        ["quote", "--plan", "mobile/smart-s", "--service", "data", "--at", "2026-10-01T00:00:00Z", "--volume", "12MB"],
        "RATED",
        240_000,
        12_000_000,
    ),
    (["quote", "--plan", "mobile/smart-s", "--service", "sms", "--to", "4917", "--at", "2026-10-01T00:00:00Z"], "RATED", 90_000, 1),
    (
        ["quote", "--plan", "mobile/smart-s", "--service", "content", "--messages", "2", "--at", "2026-10-01T00:00:00Z"],
        "RATED",
        1_980_000,
        2,
    ),
    (["quote", "--plan", "mobile/smart-s", "--service", "content", "--at", "2025-10-01T00:00:00Z"], "NO_VERSION", 0, 0),
]


@pytest.mark.parametrize(("words", "status", "charge", "chargeable"), ROWS)
def test_quotes(capsys: pytest.CaptureFixture[str], words: list[object], status: str, charge: int, chargeable: int) -> None:
    assert app.main([str(word) for word in [*words, *BOTH, "--json"]]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["charge_micros"], found["chargeable_qty"]) == (status, charge, chargeable)


# What a quote may be told. Voice 0.10 a begun minute; the first rule that holds decides.
TELLS = """\
identity: tells
version: 1
currency: EUR
timezone: Europe/Berlin
effective_from: 2026-01-01T00:00:00+01:00
tax_classes:
  - {name: standard, code: 1, rates: [{from: 2020-01-01, percent: "19"}]}
calendars:
  - name: night
    bands:
      - {name: night, days: daily, from: "22:00", to: "06:00"}
zones:
  - {id: 1, name: near, prefixes: ["49"]}
  - {id: 2, name: far, prefixes: ["86"]}
roaming_zones:
  - {id: 1, name: neighbours, plmns: ["208-01"]}
home_timezones: [Europe/Berlin, Asia/Shanghai]
prices:
  - {id: 1, name: plain, charge_code: 1, revenue_code: 1, tax_class: standard, rate: "0.10", per: 60s, increments: 60/60}
  - {id: 2, name: on-net, charge_code: 1, revenue_code: 1, tax_class: standard, rate: "0.01", per: 60s, increments: 60/60}
  - {id: 3, name: roaming, charge_code: 1, revenue_code: 1, tax_class: standard, rate: "0.50", per: 60s, increments: 60/60}
  - {id: 4, name: incoming, charge_code: 1, revenue_code: 1, tax_class: standard, rate: "0.20", per: 60s, increments: 60/60}
  - {id: 5, name: from-far, charge_code: 1, revenue_code: 1, tax_class: standard, rate: "0.30", per: 60s, increments: 60/60}
  - {id: 6, name: business, charge_code: 1, revenue_code: 1, tax_class: standard, rate: "0.05", per: 60s, increments: 60/60}
  - {id: 7, name: content, charge_code: 1, revenue_code: 1, tax_class: standard, rate: "0.00", per: 1 message, content_percent: "30"}
  - {id: 8, name: grouped, charge_code: 1, revenue_code: 1, tax_class: standard, rate: "0.02", per: 1MB, increments: 1MB/1MB}
  - id: 9
    name: tiers
    charge_code: 1
    revenue_code: 1
    tax_class: standard
    counting: graduated
    counter: 1
    increments: 1MB/1MB
    steps:
      - {rate: "1.00", per: 1MB}
      - {from: 2MB, rate: "0.10", per: 1MB}
  - id: 10
    name: sms
    charge_code: 1
    revenue_code: 1
    tax_class: standard
    calendar: night
    clock: home
    per: 1 message
    rates:
      - {band: night, rate: "0.03"}
      - {band: other, rate: "0.07"}
plans:
  - name: all
    title: {en: All}
    rules:
      - {service: voice, zone: "*", price: incoming, direction: terminating}
      - {service: voice, zone: "*", price: roaming, roaming: neighbours}
      - {service: voice, zone: "*", price: on-net, on_net: true}
      - {service: voice, zone: "*", price: from-far, origin: far}
      - {service: voice, zone: "*", price: business, customer_group: 5}
      - {service: voice, zone: "*", price: plain}
      - {service: sms, zone: "*", price: sms}
      - {service: data, zone: "*", price: grouped, rating_group: 100}
      - {service: data, zone: "*", price: tiers}
      - {service: content, zone: "*", price: content}
    allowances:
      - {id: 1, name: minutes, services: [voice], quantity: 100min, zones: ["*"]}
      - {id: 2, name: credit, services: [voice], money: "5.00", zones: ["*"], priority: 2}
    caps:
      - {id: 1, name: ceiling, amount: "3.00", window: day, services: [voice], zones: ["*"]}
    discounts:
      - {id: 1, name: friends, percent: "50", services: [voice], zones: ["*"], friends_only: true}
disclosure: {en: Sample prices.}
"""
AT = ["--plan", "tells/all", "--at", "2026-03-02T12:00:00+01:00"]
TALK = ["--service", "voice", "--to", "4930123456", "--duration", "10min"]
DATA = ["--service", "data", "--volume", "1MB"]
# further words -> charge in cents
TOLD = [
    (TALK, 100),
    ([*TALK, "--on-net"], 10),
    ([*TALK, "--off-net"], 100),
    ([*TALK, "--visited", "208-01"], 300),  # 5.00, and the ceiling of the day is 3.00
    ([*TALK, "--direction", "terminating"], 200),
    ([*TALK, "--from", "+86 10 123456"], 300),
    ([*TALK, "--customer-group", "5"], 50),
    ([*TALK, "--friend"], 50),
    ([*TALK, "--allowance", "4min"], 60),
    ([*TALK, "--left", "minutes=4min"], 60),
    ([*TALK, "--left", "minutes=4min", "--left", "credit=0.25"], 35),
    ([*TALK, "--spent", "ceiling=2.70"], 30),
    (["--service", "sms"], 7),
    (["--service", "sms", "--home-timezone", "Asia/Shanghai"], 7),  # seven in the evening there
    (["--service", "sms", "--home-timezone", "America/New_York"], 7),  # a zone that the tariff does not name: the tariff's clock
    (DATA, 100),
    ([*DATA, "--counted", "tiers=2MB"], 10),
    ([*DATA, "--rating-group", "100"], 2),
    (["--service", "content", "--content-amount", "2.50"], 75),
]
MISTOLD = [
    ([*TALK, "--left", "hours=1min"], "the plan has no allowance 'hours'"),
    ([*TALK, "--left", "minutes=1MB"], 'the allowance "minutes" is not counted in this'),
    ([*TALK, "--left", "minutes"], "has no name"),
    ([*TALK, "--left", "minutes=1000000000000h"], 'the allowance "minutes" is larger than any can be'),
    ([*TALK, "--allowance", "1000000000000h"], 'the allowance "minutes" is larger than any can be'),
    ([*DATA, "--counted", "tiers=3000000TB"], 'the price that counts over the period "tiers" is larger than any can be'),
    ([*TALK, "--left", "minutes=1min", "--left", "minutes=2min"], "is given twice"),
    ([*TALK, "--spent", "floor=1.00"], "the plan has no charge cap 'floor'"),
    ([*TALK, "--counted", "plain=1min"], "the plan has no price that counts over the period 'plain'"),
    ([*TALK, "--visited", "Paris"], "is not a network"),
    ([*TALK, "--home-timezone", "Berlin"], "is not a known time zone"),
    ([*TALK, "--customer-group", "-1"], "is not a group"),
    ([*TALK, "--content-amount", "much"], "is not a decimal amount"),
    ([*TALK, "--from", "anna"], '--from: "anna" is not a number'),
]


@pytest.fixture
def tells(tmp_path: Path) -> list[str]:
    """The words that name a tariff which asks for everything."""
    file = tmp_path / "tells.yaml"
    file.write_text(TELLS, encoding="utf-8")
    return ["--catalog", str(file)]


@pytest.mark.parametrize(("words", "cents"), TOLD)
def test_what_is_told_decides_the_price(capsys: pytest.CaptureFixture[str], tells: list[str], words: list[str], cents: int) -> None:
    assert app.main(["quote", *AT, *words, *tells, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["charge_micros"] == cents * 10_000


@pytest.mark.parametrize(("words", "message"), MISTOLD)
def test_what_cannot_be_told(capsys: pytest.CaptureFixture[str], tells: list[str], words: list[str], message: str) -> None:
    assert app.main(["quote", *AT, *words, *tells]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "\n  remedy: " in error


LARGE = [
    [*CALL, "--duration", "9999999999999999h"],
    [*CALL, "--duration", "1s", "--allowance", "9999999999999999h"],
    ["quote", "--plan", "mobile/smart-s", "--service", "data", "--at", "2026-10-01T00:00:00Z", "--volume", "9999999999TiB"],
]


@pytest.mark.parametrize("words", LARGE)
def test_more_than_a_column_holds(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert app.main([str(word) for word in [*words, *BOTH]]) == 2
    assert "is larger than usage can be\n  remedy: " in capsys.readouterr().err


def test_more_messages_than_a_number_holds(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["quote", "--plan", "mobile/smart-s", "--service", "sms", "--at", "2026-10-01T00:00:00Z", "--messages", "9" * 30]
    assert app.main([str(word) for word in [*words, *BOTH]]) == 2
    assert "is beyond all numbers that are kept\n  remedy: " in capsys.readouterr().err


@pytest.mark.parametrize(("language", "last"), [("en", "Charge: EUR 0.031"), ("zh", "本次费用：0.031 欧元")])  # noqa: RUF001 - Chinese punctuation
def test_text_in_both_languages(capsys: pytest.CaptureFixture[str], language: str, last: str) -> None:
    assert app.main([str(word) for word in [*CALL, "--duration", "185.2s", *BOTH, "--language", language]]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(last)


@pytest.mark.slow
def test_from_the_home_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    assert app.main(["tariffs", "publish", str(CATALOGS / "mobile"), "--waive-review", "a test"]) == 0
    assert app.main([*CALL, "--duration", "60s"]) == 0
    assert "Tariff: mobile version 1" in capsys.readouterr().out


def test_nothing_is_said_when_kernel_and_twin_differ(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    honest = reference.Reference.rate

    def wrong(self: reference.Reference, event: Event, buckets: Sequence[Bucket] = ()) -> Outcome:
        outcome = honest(self, event, buckets)
        return msgspec.structs.replace(outcome, charge_micros=outcome.charge_micros + 1)

    monkeypatch.setattr(reference.Reference, "rate", wrong)
    assert app.main([str(word) for word in [*CALL, "--duration", "60s", *BOTH]]) == app.EXIT_OUR_MISTAKE
    out, err = capsys.readouterr()
    assert out == ""
    assert "kernel and twin disagree" in err
