"""tariffs check, publish and show through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from billing import catalogue as store
from billing.store.home import Home
from server.cli import app
from tariffs.reading.load import load
from tests.tariffs.sample import SAMPLE

CATALOGS = Path(__file__).parents[3] / "tariffs" / "catalogs"


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert app.main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def test_check_shows_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "tariffs", "check", CATALOGS / "mobile", CATALOGS / "sip-trunk")
    told = [line for line in out.splitlines() if not line.startswith(" ")]
    assert [line.partition(";")[0] for line in told] == [
        "mobile@1 (3 plans, 14 prices, 7 zones, 70 prefixes",
        "sip-trunk@1 (2 plans, 181 prices, 182 zones, 332 prefixes",
    ]
    assert told[0].endswith("): good")
    assert "): good, " in told[1], "a deck of many countries has prices that are out of proportion"


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    [found] = json.loads(run(capsys, "tariffs", "check", CATALOGS / "mobile", "--json"))
    assert found["plans"] == ["mobile/smart-s", "mobile/smart-m", "mobile/smart-l"]
    assert len(bytes.fromhex(found["content_hash"])) == 32


def test_check_warns_of_what_is_left_without_a_price(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "sample.yaml"
    file.write_text(SAMPLE.replace("zone: far, price: far-voice}", "zone: far, price: far-voice, on_net: true}"), encoding="utf-8")
    told = "plan `basic`, voice to `far` (such as 1): priced only under conditions (on_net)"
    remedy = "add a rule for the rest; one with `price: null` says that it is not sold"
    assert run(capsys, "tariffs", "check", file).splitlines()[1:] == [
        f"  warning no-price: {file}: plans[0] (line 44): {told}; remedy: {remedy}"
    ]
    [found] = json.loads(run(capsys, "tariffs", "check", file, "--json"))
    row = {"code": "no-price", "file": str(file), "path": "plans[0] (line 44)", "message": told, "remedy": remedy}
    assert found["warnings"] == [row]


def test_strict(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "sample.yaml"
    file.write_text(SAMPLE, encoding="utf-8")
    assert run(capsys, "tariffs", "check", file, "--strict").endswith(": good\n")
    file.write_text(SAMPLE.replace('percent: "19"', 'percent: "0"'), encoding="utf-8")
    run(capsys, "tariffs", "check", file)
    for words in (["--strict"], ["--strict", "--json"]):
        assert app.main(["tariffs", "check", str(file), *words]) == 1
        out = capsys.readouterr().out
        assert "untaxed" in out
    assert "sample@1" in run(capsys, "tariffs", "check", file)


def test_numbers_that_must_stay_have_their_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(SAMPLE, encoding="utf-8")
    moved = SAMPLE.replace("id: 14, name: sms", "id: 15, name: sms").replace("version: 1", "version: 2")
    two.write_text(moved.replace("effective_from: 2026-01-01", "effective_from: 2026-02-01"), encoding="utf-8")
    assert app.main(["tariffs", "check", str(one), str(two)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(f"{one}: prices[3].id (line 42): price `sms` has id 15 in version 2; remedy: ")
    assert told[1].startswith(f"{two}: prices[3].id (line 42): price `sms` has id 14 in version 1; remedy: ")


@pytest.mark.slow
def test_against_a_home_folder_whose_version_was_repealed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    home, second, third = tmp_path / "home", tmp_path / "two.yaml", tmp_path / "three.yaml"
    by = store.Operator("author", 1, "test")
    with Home.open(home, create=True) as opened:
        for number, month in ((1, "01"), (2, "05")):
            text = SAMPLE.replace("version: 1", f"version: {number}").replace("effective_from: 2026-01", f"effective_from: 2026-{month}")
            second.write_text(text.replace('rate: "0.07"', f'rate: "0.{number}7"'), encoding="utf-8")
            store.publish(opened, load(second), 1)
        store.repeal(opened, "sample@2", by, 2, from_us=load(second).effective_from_us, reason="a slip")
    text = SAMPLE.replace("version: 1", "version: 3").replace("effective_from: 2026-01", "effective_from: 2026-05")
    third.write_text(text.replace('rate: "0.07"', 'rate: "1.75"'), encoding="utf-8")
    out = run(capsys, "tariffs", "check", third, "--against", home).splitlines()
    assert len(out) == 2
    assert "price `sms` is 10.3 times that of version 1" in out[1]


def test_of_one_code_no_more_are_shown_than_can_be_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "sample.yaml"
    plans = "".join(
        f"  - {{name: p{number}, title: {{en: P}}, rules: [{{service: sms, zone: '*', price: sms}}]}}\n" for number in range(25)
    )
    file.write_text(SAMPLE.replace("disclosure:", plans + "disclosure:"), encoding="utf-8")
    lines = run(capsys, "tariffs", "check", file).splitlines()
    assert len(lines) == 1 + 20 + 1
    assert lines[-1] == "  and 5 more warnings language-missing; --json has them all"
    [found] = json.loads(run(capsys, "tariffs", "check", file, "--json"))
    assert len(found["warnings"]) == 25


@pytest.mark.slow
def test_publish_once_and_show(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    waiver = ("--waive-review", "a test")
    assert run(capsys, "tariffs", "publish", CATALOGS / "mobile", *waiver, "--home", home).splitlines()[0].endswith("): published")
    assert run(capsys, "tariffs", "publish", CATALOGS / "mobile", "--home", home).endswith("nothing to do\n")
    first = json.loads(run(capsys, "tariffs", "publish", CATALOGS / "mobile-2026-10-15", *waiver, "--home", home, "--json"))
    again = json.loads(run(capsys, "tariffs", "publish", CATALOGS / "mobile-2026-10-15", "--home", home, "--json"))
    assert (first["added"], again["added"]) == (True, False)
    assert first["commit_seq"] == again["commit_seq"]

    sheet = run(capsys, "tariffs", "show", "mobile", "--home", home).splitlines()
    assert sheet[0] == "mobile version 2, EUR, Europe/Berlin"
    assert sheet[2] == "versions: 1 from 2026-01-01 00:00:00+01:00, 2 from 2026-10-15 00:00:00+02:00"
    assert "  allowance minutes: 6,000 s of voice to domestic, europe" in sheet
    old = json.loads(run(capsys, "tariffs", "show", "mobile@1", "--home", home, "--json"))
    assert (old["version"], len(old["prices"])) == (1, 14)


@pytest.mark.slow
def test_a_long_deck_is_cut_and_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run(capsys, "tariffs", "publish", CATALOGS / "sip-trunk", "--waive-review", "a test", "--home", tmp_path / "home")
    assert "  and 141 more; --json has them all" in run(capsys, "tariffs", "show", "sip-trunk", "--home", tmp_path / "home").splitlines()
