"""`ratewright usage collect` and `usage findings`, as an operator calls them."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from server import clock
from server.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow
DEFINITION = """
name: sw1
format: asterisk
files: ["sw1_*.csv"]
timezone: Asia/Shanghai
numbering: {country_code: "86", trunk_prefix: "0"}
file_sequence: {pattern: '_(\\d{4})\\.', modulus: 10000}
"""
WITH_TRAILER = """
name: sw2
format: asterisk
files: ["sw2/*.csv"]
trailer: {starts_with: TOTAL, pattern: 'TOTAL;(?P<count>\\d+);(?P<duration>\\d+)', duration_unit: s}
"""


def row(name: str, seconds: int = 60) -> str:
    """One answered call, uniqueid `name`."""
    times = f'"2026-02-28 10:00:00","2026-02-28 10:00:05","2026-02-28 10:01:05",{seconds + 5},{seconds},"ANSWERED","DOCUMENTATION"'
    return f'"","8613800000001","8613900000002","ctx","x","SIP/a-{name}","SIP/b-{name}","Dial","x",{times},"{name}.1",""\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/sw1.yaml").write_text(DEFINITION)
    (tmp_path / "sources/sw2.yaml").write_text(WITH_TRAILER)
    (tmp_path / "cdr/incoming/sw2").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command in the home of the test: its stdout, or with a status above 0 both streams."""
    monkeypatch.setenv("RATEWRIGHT_HOME", str(root / "home"))
    monkeypatch.chdir(root)

    def call(*words: object, status: int = 0) -> str:
        assert app.main([str(word) for word in words]) == status
        out, err = capsys.readouterr()
        return out + err if status else out

    return call


def test_a_folder_is_collected_and_what_is_wrong_is_told(run: Callable[..., str], root: Path) -> None:
    incoming = root / "cdr/incoming"
    (incoming / "sw1_0001.csv").write_text(row("a") + row("b"))
    (incoming / "sw1_0003.csv").write_text(row("c"))
    (incoming / "sw2/x.csv").write_text(row("d") + "TOTAL;2;60\n")
    out = run("usage", "collect", "cdr", "--settle", 0, status=1)
    assert sorted(line for line in out.splitlines() if line.startswith("sw1")) == [
        "sw1_0001.csv: taken as sw1: 2 records (2 answered)",
        "sw1_0003.csv: taken as sw1: 1 record (1 answered)",
    ]
    assert "sw2/x.csv: rejected: x.csv does not hold what it says it holds: records: 2 by the file, 1 counted; remedy: fetch" in out
    found = json.loads(run("usage", "findings", "--json"))["findings"]
    assert [each["name"] for each in found] == ["missing:sw1:2", "rejected:3"]
    assert "missing:sw1:2" in run("bill", "preview", "--date", "2026-03-01")
    assert "would be incomplete" in run("bill", "run", "--date", "2026-03-01", status=1)

    (incoming / "sw2/x.csv").write_text(row("d") + row("e") + "TOTAL;2;120\n")
    told = json.loads(run("usage", "collect", "cdr", "--settle", 0, "--json"))
    assert (told["file"], told["state"], told["received"], told["rows"]["answered"]) == ("sw2/x.csv", "taken", 2, 2)
    name = pwd.getpwuid(os.getuid()).pw_name
    waived = run("usage", "findings", "waive", "missing:sw1:2", "--reason", "the switch was off")
    assert waived == f"missing:sw1:2 is waived by {name}: the switch was off\n"
    assert run("usage", "findings") == "no usage file is known to be missing or rejected\n"
    assert f"waived by {name}: the switch was off" in run("usage", "findings", "--all")
    run("bill", "run", "--date", "2026-03-01")
    assert run("usage", "collect", "cdr", "--settle", 0) == ""


WRONG = [
    # words after the folder, status, what is said
    (("nowhere",), 2, "the folder to watch nowhere does not exist"),
    (("cdr", "--sources", "none"), 2, "there is no folder of source definitions none"),
    (("cdr", "--sources", "cdr"), 2, "no source definition in cdr says which files are its own"),
    (("cdr", "--poll", "0"), 2, "a wait is below 0"),
    (("cdr", "--settle", "-1"), 2, "a wait is below 0"),
]


@pytest.mark.parametrize(("words", "status", "message"), WRONG)
def test_a_wrong_call_says_so(run: Callable[..., str], words: tuple[str, ...], status: int, message: str) -> None:
    assert message in run("usage", "collect", *words, status=status)


def test_mistakes_of_all_definitions_are_told_at_once(run: Callable[..., str], root: Path) -> None:
    (root / "sources/a.yaml").write_text("name: sw1\nformat: asterisk\nfiles: [x]\n")
    (root / "sources/b.yaml").write_text("name: b\nformat: nonsense\n")
    out = run("usage", "collect", "cdr", status=1)
    assert "sw1.yaml: name: 'sw1' is the name of another definition as well" in out
    assert "b.yaml: format" in out


def test_a_watch_finishes_when_it_is_asked_to(root: Path) -> None:
    words = ["usage", "collect", "--watch", str(root / "cdr"), "--sources", str(root / "sources")]
    options = ["--settle", "0", "--poll", "0.05", "--home", str(root / "home")]
    code = "import sys; from server.cli.app import main; sys.exit(main(sys.argv[1:]))"
    watch = subprocess.Popen([sys.executable, "-c", code, *words, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    (root / "cdr/incoming/sw1_0001.csv.tmp").write_text(row("a"))
    (root / "cdr/incoming/sw1_0001.csv.tmp").rename(root / "cdr/incoming/sw1_0001.csv")
    archived = [root / f"cdr/archive/{day}/sw1/sw1_0001.csv" for day in _days()]
    deadline_s = time.monotonic() + 60
    while not any(path.exists() for path in archived) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    watch.send_signal(signal.SIGINT)
    out, err = watch.communicate(timeout=30)
    assert watch.returncode == 0, err
    assert out == "sw1_0001.csv: taken as sw1: 1 record (1 answered)\n"
    assert err.splitlines()[-1] == "1 file collected"


def _days() -> list[str]:
    """Today and tomorrow in UTC: a test may run at midnight."""
    return [time.strftime("%Y-%m-%d", time.gmtime(time.time() + ahead_s)) for ahead_s in (0, 3600)]


def test_a_young_file_of_a_practice_home_is_young_by_the_clock_of_the_machine(
    run: Callable[..., Any], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its home is months ahead: by that clock the file would be old, and be rejected in the middle of its transfer."""
    monkeypatch.setenv("RATEWRIGHT_TODAY", "2031-05-05")
    clock._moved_by_us.cache_clear()  # noqa: SLF001 -- what this process asked first
    (root / "cdr/incoming/sw1_0001.csv.xfer").write_text(row("a"))
    run("usage", "collect", "cdr", "--sources", "sources", "--settle", "0", "--practice")
    assert (root / "cdr/incoming/sw1_0001.csv.xfer").exists()
