"""tariffs check, publish and show through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.cli import app
from tests.tariffs.sample import SAMPLE

CATALOGS = Path(__file__).parents[3] / "tariffs" / "catalogs"


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert app.main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def test_check_shows_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "tariffs", "check", CATALOGS / "mobile", CATALOGS / "sip-trunk")
    assert [line.partition(";")[0] for line in out.splitlines()] == [
        "mobile@1 (3 plans, 14 prices, 7 zones, 70 prefixes",
        "sip-trunk@1 (2 plans, 181 prices, 182 zones, 332 prefixes",
    ]
    assert all(line.endswith(": good") for line in out.splitlines())


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    [found] = json.loads(run(capsys, "tariffs", "check", CATALOGS / "mobile", "--json"))
    assert found["plans"] == ["mobile/smart-s", "mobile/smart-m", "mobile/smart-l"]
    assert len(bytes.fromhex(found["content_hash"])) == 32


def test_check_notes_what_is_left_without_a_price(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "sample.yaml"
    file.write_text(SAMPLE.replace("zone: far, price: far-voice}", "zone: far, price: far-voice, on_net: true}"), encoding="utf-8")
    assert run(capsys, "tariffs", "check", file).splitlines()[1:] == [
        "  note: plan sample/basic, voice to far (such as 1): priced only under conditions (on_net)",
        "    remedy: add a rule for the rest; one with price: null says that it is not sold",
    ]
    [found] = json.loads(run(capsys, "tariffs", "check", file, "--json"))
    assert [(gap["zone"], gap["number"]) for gap in found["gaps"]] == [("far", "1")]


@pytest.mark.slow
def test_publish_once_and_show(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run(capsys, "tariffs", "publish", CATALOGS / "mobile", "--home", home).endswith("): published\n")
    assert run(capsys, "tariffs", "publish", CATALOGS / "mobile", "--home", home).endswith("nothing to do\n")
    first = json.loads(run(capsys, "tariffs", "publish", CATALOGS / "mobile-2026-10-15", "--home", home, "--json"))
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
    run(capsys, "tariffs", "publish", CATALOGS / "sip-trunk", "--home", tmp_path / "home")
    assert "  and 141 more; --json has them all" in run(capsys, "tariffs", "show", "sip-trunk", "--home", tmp_path / "home").splitlines()
