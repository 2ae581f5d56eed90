"""`ratewright tariffs import-cgrates`: what it writes, what it tells, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.cli.app import main
from tests.tariffs.cgrates.small import folder

ROOT = Path(__file__).parents[3]
NAMED = ("Destinations", "DST_DE,49", "DST_DE,49\nDST_DE,home")  # one prefix that is not carried over


def _call(tmp_path: Path, *more: str) -> int:
    into = str(tmp_path / "imported")
    return main(["tariffs", "import-cgrates", str(tmp_path / "plan"), "--into", into, "--currency", "EUR", "--timezone", "UTC", *more])


def test_all_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(tmp_path / "plan")
    assert _call(tmp_path, "--identity", "moved", "--strict") == 0
    lines = capsys.readouterr().out.replace(str(tmp_path), "").splitlines()
    assert lines[0].startswith("/imported/moved-1: moved@1 (")
    assert lines[0].endswith("from 2026-01-01T00:00:00+00:00")
    assert lines[2:] == [
        "/imported/plans.csv: which plan is whose",
        "",
        "taken for granted:",
        "  amounts are in EUR, and times of day those of UTC",
        "  tax class `untaxed` of 0 percent, revenue code 1, and the number of the service as charge code",
        "  category call: voice",
        "  category sms: sms",
        "",
        "everything was carried over",
    ]
    assert main(["tariffs", "check", str(tmp_path / "imported" / "moved-1")]) == 0


def test_the_page_says_what_the_command_says(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "from-cgrates.md").read_text(encoding="utf-8")
    call = next(line.removeprefix("$ ratewright ") for line in page.splitlines() if line.startswith("$ ratewright tariffs import-cgrates"))
    monkeypatch.chdir(tmp_path)
    assert main(call.replace("examples/", f"{ROOT}/examples/").split()) == 0
    told = capsys.readouterr().out.splitlines()
    for line in told[:2]:
        head, _, rest = line.partition("; ")
        assert f"{head}; ...), {rest.partition('), ')[2]}\n" in page


def test_what_is_not_carried_over_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(tmp_path / "plan", *NAMED)
    assert _call(tmp_path) == 0
    assert capsys.readouterr().out.replace(str(tmp_path), "").splitlines()[-3:] == [
        "not carried over as it was: 1",
        '  Destinations.csv line 3: DST_DE: the prefix "home" is left out: numbers are digits here, at most 15',
        "/imported/not-carried.csv has them all",
    ]


def test_strict(tmp_path: Path) -> None:
    folder(tmp_path / "plan", *NAMED)
    assert _call(tmp_path, "--strict") == 1
    assert (tmp_path / "imported" / "cgrates-1").is_dir()


def test_a_long_list_is_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(tmp_path / "plan", "Destinations", "DST_DE,49", "DST_DE,49" + "".join(f"\nDST_DE,x{number}" for number in range(60)))
    assert _call(tmp_path) == 0
    assert "  and 10 more\n" in capsys.readouterr().out


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(tmp_path / "plan", *NAMED)
    assert _call(tmp_path, "--json", "--service", "sms=mms") == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["version"] for each in told["catalogues"]] == [1, 2]
    assert {"tenant": "cgrates.org", "category": "sms", "subject": "*any", "plan": "cgrates/sms-any"} in told["subjects"]
    assert "category sms: mms" in told["assumed"]
    assert [(each["file"], each["line"]) for each in told["not_carried"]] == [("Destinations.csv", 3)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--service", "sms"), "does not say which service a category is"),
        (("--service", "sms=pigeon"), "does not say which service a category is"),
        (("--fallback-depth", "0"), "a fallback depth of 0"),
        (("--identity", "No"), "cannot be an identity"),
    ],
)
def test_wrong_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, str], said: str) -> None:
    folder(tmp_path / "plan")
    assert _call(tmp_path, *more) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "imported").exists()
