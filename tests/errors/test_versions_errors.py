"""What a user reads when a version cannot be drafted, reviewed, published or repealed."""

from __future__ import annotations

import os
import pwd
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from billing import catalogue
from billing.store.home import Home
from server import operator
from tariffs.reading.load import load
from tests.billing import files

if TYPE_CHECKING:
    from tests.errors.conftest import Provoke

pytestmark = pytest.mark.slow
CATALOGS = Path(__file__).parents[2] / "tariffs" / "catalogs"


@pytest.fixture
def drafted(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """mobile@1 is published and has a customer; mobile@2 is a draft of an author called ann."""
    monkeypatch.setattr(operator, "current", lambda: catalogue.Operator("ann", os.getuid()))
    with Home.open(home) as opened:
        catalogue.publish(opened, load(CATALOGS / "mobile"), 1)
        catalogue.save(opened, load(CATALOGS / "mobile-2026-10-15"), operator.current(), 1)
    return home


def test_reviewing_an_own_draft(provoke: Provoke, drafted: Path) -> None:
    provoke(["tariffs", "review", "mobile@2", "--home", drafted], status=1, golden="tariffs/own_draft", unchanged=drafted)


def test_reviewing_what_is_not_there(provoke: Provoke, drafted: Path) -> None:
    provoke(["tariffs", "review", "mobile@3", "--home", drafted], status=1, golden="tariffs/no_draft", unchanged=drafted)


def test_publishing_without_a_review(provoke: Provoke, drafted: Path) -> None:
    provoke(["tariffs", "publish", "mobile@2", "--home", drafted], status=1, golden="tariffs/not_reviewed", unchanged=drafted)


def test_waiving_a_review_where_customers_are(provoke: Provoke, drafted: Path, tmp_path: Path) -> None:
    accounts = ["A1,Ann Lee,EUR,Europe/Berlin,1,en,2026-01-15,,standard,14"]
    folder = files.write(tmp_path / "in", accounts, ["S1,A1,mobile/smart-m,2026-01-15,"], [])
    with Home.open(drafted) as opened:
        from billing import accounts as importing  # noqa: PLC0415 -- one use

        importing.import_files(opened, folder, 1)
    words = ["tariffs", "publish", "mobile@2", "--waive-review", "in a hurry", "--home", drafted]
    provoke(words, status=1, golden="tariffs/review_not_waived", unchanged=drafted)


def test_repealing_for_the_past(provoke: Provoke, drafted: Path) -> None:
    words = ["tariffs", "repeal", "mobile@1", "--from", "2026-02-01", "--reason", "x", "--home", drafted]
    assert time.time() > 1_770_000_000, "the test stands in the time after"
    provoke(words, status=1, golden="tariffs/repeal_past", unchanged=drafted)


def test_a_correction_of_another_instant(provoke: Provoke, drafted: Path, tmp_path: Path) -> None:
    shutil.copytree(CATALOGS / "mobile-2026-10-15", tmp_path / "mobile")
    head = next(path for path in (tmp_path / "mobile").glob("*.yaml") if "version: 2" in path.read_text(encoding="utf-8"))
    head.write_text(head.read_text(encoding="utf-8").replace("version: 2", "version: 3\ncorrects: 1"), encoding="utf-8")
    words = ["tariffs", "draft", tmp_path / "mobile", "--home", drafted]
    provoke(words, status=1, golden="tariffs/correction_elsewhere", unchanged=drafted)


def test_a_name_that_means_nothing(provoke: Provoke, drafted: Path) -> None:
    provoke(["tariffs", "affected", "mobile@9", "--home", drafted], status=1, golden="tariffs/no_version", unchanged=drafted)


def test_the_account_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert operator.current() == catalogue.Operator(f"user {os.getuid()}", os.getuid())


def test_a_tax_class_whose_code_has_another_rate_elsewhere(provoke: Provoke, drafted: Path, tmp_path: Path) -> None:
    trunk = shutil.copytree(CATALOGS / "sip-trunk", tmp_path / "trunk")
    for each in trunk.glob("*.yaml"):
        each.write_text(each.read_text(encoding="utf-8").replace('percent: "19"', 'percent: "7"'), encoding="utf-8")
    for words in (["draft", trunk], ["publish", trunk, "--waive-review", "new"], ["check", trunk, "--against", drafted]):
        home = [] if words[0] == "check" else ["--home", drafted]
        provoke(["tariffs", *words, *home], status=1, golden=f"tariffs/tax_code_{words[0]}", unchanged=drafted)
    mobile = shutil.copytree(CATALOGS / "mobile", tmp_path / "mobile")
    provoke(["tariffs", "check", mobile, trunk], status=1, golden="tariffs/tax_code_together")
