"""What a user reads when a tariff is wrong or a quote cannot be given. To change a text on purpose see conftest.py."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from billing.catalogue import publish
from billing.store.home import Home
from server.cli import app
from tariffs.reading.load import load
from tariffs.warnings import CODES
from tests.errors.conftest import GOLDEN, compare

if TYPE_CHECKING:
    from tests.errors.conftest import Provoke

FILES = Path(__file__).parent / "files" / "tariffs"
CATALOGS = Path(__file__).parents[2] / "tariffs" / "catalogs"
CALL = [
    "--service",
    "voice",
    "--to",
    "+4930123456",
    "--at",
    "2026-03-02T12:00:00+01:00",
    "--duration",
    "60s",
    "--catalog",
    CATALOGS / "mobile",
]


def test_five_errors_at_once(provoke: Provoke, tmp_path: Path, home: Path) -> None:
    shutil.copy(FILES / "five_errors.yaml", tmp_path)
    provoke(["tariffs", "check", tmp_path / "five_errors.yaml"], status=1, golden="tariffs/five_errors")
    provoke(["tariffs", "publish", tmp_path / "five_errors.yaml", "--home", home], status=1, golden="tariffs/five_errors", unchanged=home)
    provoke(["tariffs", "check", tmp_path / "five_errors.yaml", "--json"], status=1, golden="tariffs/five_errors_json")


def test_mistakes_in_rules_that_ask_for_more_than_a_zone(provoke: Provoke, tmp_path: Path) -> None:
    shutil.copy(FILES / "new_rules.yaml", tmp_path)
    provoke(["tariffs", "check", tmp_path / "new_rules.yaml"], status=1, golden="tariffs/new_rules")


# content of the file (None: there is none) -> golden text
FILES_THAT_FAIL = [
    (None, "missing_file"),
    (b"", "empty_file"),
    (b"identity: [\n", "not_yaml"),
    ("name: Büro".encode("latin-1"), "not_utf8"),
    (b"plans: 3\n", "hardly_anything"),
    (b"{}\n", "no_fields"),
]


@pytest.mark.parametrize(("content", "golden"), FILES_THAT_FAIL)
def test_files(provoke: Provoke, tmp_path: Path, content: bytes | None, golden: str) -> None:
    path = tmp_path / "tariff.yaml"
    if content is not None:
        path.write_bytes(content)
    provoke(["tariffs", "check", path], status=1, golden=f"tariffs/{golden}")


def test_folders(provoke: Provoke, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    provoke(["tariffs", "check", tmp_path], status=1, golden="tariffs/empty_folder")
    shutil.copy(FILES / "five_errors.yaml", tmp_path / "inner")
    provoke(["tariffs", "check", tmp_path], status=1, golden="tariffs/folder_of_folders")


def test_warnings(tmp_path: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Told on stdout: they stop nothing, unless --strict asks for it."""
    shutil.copytree(FILES / "doubtful", tmp_path / "doubtful")
    shutil.copy(FILES / "doubtful-before.yaml", tmp_path)
    words = ["tariffs", "check", str(tmp_path / "doubtful-before.yaml"), str(tmp_path / "doubtful")]
    assert app.main(words) == 0
    shown = capfd.readouterr()
    compare(shown.out.replace(str(tmp_path), "<folder>"), "tariffs/warnings")
    assert {line.split()[1].rstrip(":") for line in shown.out.splitlines() if line.startswith("  warning ")} == set(CODES)
    assert (shown.err, app.main([*words, "--strict"])) == ("", 1)
    compare(capfd.readouterr().out.replace(str(tmp_path), "<folder>"), "tariffs/warnings_strict")
    assert app.main([*words, "--json"]) == 0
    compare(capfd.readouterr().out.replace(str(tmp_path), "<folder>"), "tariffs/warnings_json")
    # The published version before stands in a home folder just as well.
    with Home.open(home) as opened:
        publish(opened, load(tmp_path / "doubtful-before.yaml"), 1)
    assert app.main(["tariffs", "check", str(tmp_path / "doubtful"), "--against", str(home)]) == 0
    alone = capfd.readouterr().out
    assert alone.replace(str(tmp_path), "<folder>").splitlines() == (GOLDEN / "tariffs/warnings.txt").read_text().splitlines()[2:]


DECK = """\
zones:
  - {id: 1, name: land, prefixes_file: land.csv}
decks:
  - {name: world, file: ../world.csv, service: voice, price_ids_from: 1000, charge_code: 7, revenue_code: 7, tax_class: standard, per: 60s,
     increments: 1/1}
  - {name: etc, file: /etc/passwd, service: voice, price_ids_from: 2000, charge_code: 7, revenue_code: 7, tax_class: standard, per: 0s,
     increments: 0/-1}
"""
LAUGHS = "plans:\n  - &a0 [ha]\n" + "".join(f"  - &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
# content of the file -> golden text
BAD_INPUT = [
    (b"\0" * (5 << 20), "too_much_yaml"),
    (b"a: [" + b"x," * 600_000 + b"]", "too_many_values"),
    (b"[" * 100_000, "too_deep"),
    (LAUGHS.encode(), "billion_laughs"),
    (b"identity: loop\ninclude: tariff.yaml\n", "include"),
    ("identity: büro".encode("utf-16"), "utf16"),
    (b"\xef\xbb\xbfidentity: caf\xc3\xa9\ntimezone: caf\xe9\n", "mixed_encodings"),
    (DECK.encode(), "outside_the_folder"),
    (f"zones:\n  - {{id: 1, name: land, prefixes: ['{'4' * 50}']}}\n".encode(), "long_prefix"),
]


@pytest.mark.parametrize(("content", "golden"), BAD_INPUT, ids=[golden for _, golden in BAD_INPUT])
def test_bad_input(provoke: Provoke, tmp_path: Path, content: bytes, golden: str) -> None:
    folder = tmp_path / "catalogue"
    folder.mkdir()
    (tmp_path / "world.csv").write_text("zone_id,zone,prefixes,rate\n50,italy,39,0.02\n")
    (folder / "land.csv").symlink_to(tmp_path / "world.csv")
    (folder / "tariff.yaml").write_bytes(content)
    provoke(["tariffs", "check", folder / "tariff.yaml"], status=1, golden=f"tariffs/{golden}")


def test_a_published_version_never_changes(provoke: Provoke, tmp_path: Path, home: Path) -> None:
    shutil.copytree(CATALOGS / "mobile", tmp_path / "mobile")
    with Home.open(home) as opened:
        publish(opened, load(tmp_path / "mobile"), 1)
    prices = tmp_path / "mobile" / "prices.yaml"
    prices.write_text(prices.read_text().replace('rate: "0.09"', 'rate: "0.10"'))
    provoke(["tariffs", "publish", tmp_path / "mobile", "--home", home], status=1, golden="tariffs/published_already", unchanged=home)


def test_showing_what_is_not_published(provoke: Provoke, home: Path) -> None:
    provoke(["tariffs", "show", "mobile", "--home", home], status=1, golden="tariffs/show_nothing", unchanged=home)


# words of a quote -> exit status, golden text
QUOTES = [
    (["--plan", "mobile/smart-x", *CALL], 1, "unknown_plan"),
    (["--plan", "mobile/smart-m", *CALL, "--volume", "1MB"], 2, "wrong_unit"),
    (["--plan", "mobile/smart-m", *CALL[:6], *CALL[8:]], 2, "no_duration"),
    (["--plan", "mobile/smart-m", *CALL[:8]], 2, "no_tariff"),
    (["--plan", "mobile/smart-m", *CALL, "--allowance", "5MB"], 2, "allowance_unit"),
    (["--plan", "mobile/smart-m", *CALL[:2], "--to", "alice", *CALL[4:]], 2, "no_number"),
    (["--plan", "mobile/smart-m", *CALL[:4], "--at", "2026-03-02T12:00:00", *CALL[6:]], 2, "no_offset"),
    (["--plan", "mobile/smart-m", *CALL[:6], "--duration", "60", *CALL[8:]], 2, "no_unit"),
]


@pytest.fixture
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder without a home folder, and none named."""
    monkeypatch.delenv("RATEWRIGHT_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("words", "status", "golden"), QUOTES)
@pytest.mark.usefixtures("_elsewhere")
def test_quotes(provoke: Provoke, words: list[object], status: int, golden: str) -> None:
    provoke(["quote", *words], status=status, golden=f"quote/{golden}")
