"""quote through the command line: kernel and twin agree, or nothing is said."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from rating import reference
from server.cli import app

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


LARGE = [
    [*CALL, "--duration", "9999999999999999h"],
    [*CALL, "--duration", "1s", "--allowance", "9999999999999999h"],
    ["quote", "--plan", "mobile/smart-s", "--service", "sms", "--at", "2026-10-01T00:00:00Z", "--messages", "9" * 30],
    ["quote", "--plan", "mobile/smart-s", "--service", "data", "--at", "2026-10-01T00:00:00Z", "--volume", "9999999999TiB"],
]


@pytest.mark.parametrize("words", LARGE)
def test_more_than_a_column_holds(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert app.main([str(word) for word in [*words, *BOTH]]) == 2
    assert "is larger than usage can be\n  remedy: " in capsys.readouterr().err


@pytest.mark.parametrize(("language", "last"), [("en", "charge: EUR 0.031"), ("zh", "费用：EUR 0.031")])  # noqa: RUF001 - Chinese punctuation
def test_text_in_both_languages(capsys: pytest.CaptureFixture[str], language: str, last: str) -> None:
    assert app.main([str(word) for word in [*CALL, "--duration", "185.2s", *BOTH, "--language", language]]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == last


@pytest.mark.slow
def test_from_the_home_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEWRIGHT_HOME", str(tmp_path / "home"))
    assert app.main(["tariffs", "publish", str(CATALOGS / "mobile")]) == 0
    assert app.main([*CALL, "--duration", "60s"]) == 0
    assert "tariff mobile version 1" in capsys.readouterr().out


def test_nothing_is_said_when_kernel_and_twin_differ(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    honest = reference.Reference.rate

    def wrong(self: reference.Reference, event: reference.Event, allowance_left: int = 0) -> reference.Outcome:
        outcome = honest(self, event, allowance_left)
        return msgspec.structs.replace(outcome, charge_micros=outcome.charge_micros + 1)

    monkeypatch.setattr(reference.Reference, "rate", wrong)
    assert app.main([str(word) for word in [*CALL, "--duration", "60s", *BOTH]]) == app.EXIT_OUR_MISTAKE
    out, err = capsys.readouterr()
    assert out == ""
    assert "kernel and twin disagree" in err
