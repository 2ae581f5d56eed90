"""Commands of tariffs, in a home and by a service: both print the same."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.server.cli.remote.persons import Persons, two_homes
from tests.server.grpc.bill_runs.client import october
from tests.server.grpc.tariffs.conftest import FIRST, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
# An account of the operating system, or a token; persons but for boss have another number in the shell than by their token.
_HOW = re.compile(rf'("how": |"uid": )("\w+"|(?!{os.getuid()}\b)-?\d+)')
_SECONDS = re.compile(r'("seconds": )[0-9.e-]+')


class Both(Persons):
    """Fields that tell the ways apart: how a person is known, and how long a stage took."""

    def run(self, *words: object, status: int = 0) -> str:
        """The output of a command, without these."""
        return _SECONDS.sub(r"\g<1>0", _HOW.sub(r"\g<1>0", super().run(*words, status=status)))

    def looked(self, *words: object, status: int = 0) -> str:
        """The output of a command that only looks, in the home behind the service: drafts of both homes say another origin."""
        here = self.behind(*words, status=status)
        assert self.there(*words, status=status) == here
        return here


@pytest.fixture
def both(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    """The shop with October to bill."""
    with two_homes(tmp_path, capsys, monkeypatch, october) as made:
        both = Both(made.twin, made.guarded, tmp_path, capsys)
        monkeypatch.setattr("server.operator.current", both.current)
        yield both


def test_the_life_of_a_version(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers have one change each: further ones come in pages."""
    monkeypatch.setattr("server.grpc.tariffs.messages.REVIEWED_MAX", 1)
    monkeypatch.setattr("server.cli.remote.tariffs.versions.PAGE_SIZE", 1)
    assert "next: another person runs `ratewright tariffs review mobile@1`" in both("tariffs", "draft", FIRST)
    assert '"added": false' in both("tariffs", "draft", FIRST, "--json")
    waits = both("tariffs", "publish", "mobile@1", status=1)
    assert waits.startswith("mobile@1: review: no person but its author has reviewed it; remedy: draft it")
    with both.acting("the-approver"):
        assert "mobile@1 is the first version" in both("tariffs", "review", "mobile@1", "--note", "seen")
    assert "notes" in json.loads(both("tariffs", "publish", "mobile@1", "--waive-what-if", "a test", "--json"))
    assert "was published before, nothing to do" in both("tariffs", "publish", "mobile@1")
    both("tariffs", "draft", SECOND, "--json")
    with both.acting("the-approver"):
        rejected = json.loads(both("tariffs", "review", "mobile@2", "--reject", "--note", "peak is too dear", "--json"))
        assert (rejected["compared_with"], [each["price_id"] for each in rejected["changes"]]) == (1, [101, 102])
        both("tariffs", "review", "mobile@2", "--hash", "0000", status=1)
        assert "[plans: smart-s, smart-m, smart-l]" in both("tariffs", "review", "mobile@2")
    for words in ((), ("--json",), ("--all",)):
        both("tariffs", "diff", "mobile@1", "mobile@2", *words)
    assert both("tariffs", "diff", "mobile", "mobile@2").startswith("mobile@1 (from ")
    assert ": published" in both("tariffs", "publish", "mobile@2", "--waive-what-if", "a test", "--waive-notice", "a test")
    repeal = ("tariffs", "repeal", "mobile@2", "--reason", "a new brand", "--from")
    assert "cannot be repealed for the past" in both(*repeal, "2020-01-01", status=1)
    both(*repeal, "yesterday", status=2)
    assert both(*repeal, "2069-01-01").startswith("mobile@2: repealed from 2069-01-01 00:00:00+01:00 on by boss")
    assert (
        json.loads(both("tariffs", "repeal", "mobile@1", "--reason", "x", "--from", "2026-09-01T00:00:00Z", "--json"))["by"]["name"]
        == "boss"
    )
    for words in ((), ("--json",)):
        assert "repealed" in both.looked("tariffs", "history", "mobile", *words)
    for name in ("nobody", "No/body"):
        assert f'the home has no version or draft of "{name}"' in both("tariffs", "history", name, status=1)
    both.there("tariffs", "review", "mobile@9", status=1)
    both.there("tariffs", "diff", "mobile@1", "mobile@0", status=1)
    for words in (
        ("draft", FIRST, "--practice"),
        ("publish", FIRST),
        ("diff", FIRST, "mobile@1"),
        ("what-if", FIRST, "--period", "2025-10"),
    ):
        assert "is not served" in both.there("tariffs", *words, status=2)


def test_four_eyes_over_both_ways(both: Both) -> None:
    """Drafted by the service, and refused to its author in the home behind it; drafted there, and approved by the service."""
    both.there("tariffs", "draft", FIRST)
    assert "authors do not approve their own drafts" in both.behind("tariffs", "review", "mobile@1", status=1)
    with both.acting("chief"):
        assert "is reviewed by chief" in both.behind("tariffs", "review", "mobile@1")
        both.behind("tariffs", "draft", SECOND)
    with both.acting("the-approver"):
        assert "is reviewed by the-approver" in both.there("tariffs", "review", "mobile@2")


def test_checks(both: Both, tmp_path: Path) -> None:
    """A file, a folder with a deck of prefixes; mistakes by their paths here; a price ten times the published one is doubtful."""
    both.in_both_homes("tariffs", "publish", FIRST, "--waive-review", "a test", "--waive-what-if", "a test")
    folder = tmp_path / "dear"
    shutil.copytree(SECOND, folder)
    (folder / "plans.txt").write_text("not sent", encoding="utf-8")
    for each in folder.glob("*.yaml"):
        each.write_text(
            each.read_text(encoding="utf-8").replace('rate: "0.11", connect_fee', 'rate: "9.00", connect_fee'), encoding="utf-8"
        )
    for words, status in (((), 0), (("--json",), 0), (("--strict",), 1)):
        told = both.run("tariffs", "check", folder, *words, "--against", both.twin.home.path, status=status)
        assert both.there("tariffs", "check", folder, *words, status=status) == told
    assert "warning " in told
    header = folder / "header.yaml"
    header.write_text(header.read_text(encoding="utf-8").replace("currency: EUR", "currency: USD"), encoding="utf-8")
    told = both.run("tariffs", "check", folder, "--against", both.twin.home.path, status=1)
    assert both.there("tariffs", "check", folder, status=1) == told
    assert told.startswith(f"{folder}/header.yaml: currency")
    header.write_text(header.read_text(encoding="utf-8").replace("USD", "DOLLAR"), encoding="utf-8")
    assert both("tariffs", "draft", folder, status=1) == both.run("tariffs", "check", folder, status=1)
    assert "is not served" in both.there("tariffs", "check", FIRST, SECOND, status=2)
    assert "is not served" in both.there("tariffs", "check", FIRST, "--against", tmp_path, status=2)


def test_sheets(both: Both, tmp_path: Path) -> None:
    both.in_both_homes("tariffs", "publish", FIRST, "--waive-review", "a test", "--waive-what-if", "a test")
    both.in_both_homes("tariffs", "draft", SECOND)
    asked = ("tariffs", "sheet", "mobile/smart-m")
    for words in (("--at", "2026-12-01"), ("--at", "2026-12-01T10:00:00+02:00", "--language", "zh"), ("--at", "2026-12-01", "--json")):
        both(*asked, *words)
    both("tariffs", "sheet", "mobile@2/smart-m", "--format", "html")
    file = tmp_path / "sheet.pdf"
    assert both(*asked, "--at", "2026-12-01", "--format", "pdf", "--output", file, "--overwrite").startswith(f"{file}: Smart M, ")
    assert file.read_bytes().startswith(b"%PDF")
    both(*asked, "--at", "never", status=2)
    both("tariffs", "sheet", "mobile/none", "--at", "2026-12-01", status=1)
    assert "--catalog is not served" in both.there(*asked, "--catalog", FIRST, status=2)


def test_what_if(both: Both, tmp_path: Path) -> None:
    """Figures and pictures are written here. What is tried on part of a month is not kept."""
    ask = ("tariffs", "what-if", "shop@1", "--period", "2025-10")
    csv, chart = tmp_path / "all.csv", tmp_path / "all.svg"
    files = ("--csv", csv, "--chart", chart, "--overwrite")
    by_both = []
    for way in (both.here, both.there):
        way(*ask, *files, "--json")
        by_both.append((csv.read_bytes(), chart.read_bytes()))
    assert by_both[0] == by_both[1]
    assert json.loads(both(*ask, "--threads", "1", "--json"))["month"] == "2025-10"
    kept, part = (both.there(*ask, *words) for words in ((), ("--plan", "shop/basic")))
    assert "Nothing was stored" in part
    assert kept.splitlines()[-1] == both.here(*ask).splitlines()[-1]
    empty = [way("tariffs", "what-if", "shop@1", "--period", "2024-02").splitlines() for way in (both.here, both.there)]
    assert empty[0][-1] == empty[1][-1] == "Nothing was stored: a what-if is kept of a month with usage, and 2024-02 has none."
    assert "remedy: it has shop@1" in both.there("tariffs", "what-if", "shop@9", "--period", "2025-10", status=1)
