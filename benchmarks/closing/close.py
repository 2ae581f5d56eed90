"""Closing a month: `make bench-close ACCOUNTS= RECORDS= STORE=sqlite|postgresql`, or `python -m benchmarks.closing.close --help`.

A home is made (`close_home`), billed in a process of its own with every stage timed (`close_run`), and every result is counted once more
in SQL (`close_checks`). Beside it, in the same run: the aggregation alone in DuckDB, and the rate at which the database takes the rows of
the lines. Then late records come for one account in a hundred, and the same date is billed again. `--flat` closes months of several sizes
with as many records an account, and tells what an account costs in each.

What is written is on disk when a stage ends; the settings of the database are printed. Results go to close_sqlite.json or
close_postgresql.json, when nothing failed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.closing import close_checks, close_home, close_peers
from benchmarks.closing.close_home import NOW_US, Size
from billing.store.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = "close_{store}.json"  # beside this file
LATE_ONE_IN = 100
PACKAGES = ("numpy", "numba", "pyarrow", "duckdb", "sqlalchemy", "psycopg")
POSTGRES = (
    "fsync=on", "synchronous_commit=on", "full_page_writes=on", "listen_addresses=", "max_connections=50", "shared_buffers=1GB",
    "max_wal_size=8GB", "checkpoint_timeout=30min", "maintenance_work_mem=512MB",
)  # fmt: skip
GATE_S = {"postgresql": 150, "sqlite": 180}
GATE_SIZE = Size(1_000_000, 100_000_000)
GATE_BYTES = 8 * 2**30


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = _asked(words)
    size = Size(asked.accounts, asked.records)
    folder = Path(asked.folder) if asked.folder else Path(tempfile.mkdtemp(prefix="bench-close-"))
    told: dict[str, Any] = {"setting": _setting(asked.store), "sizes": []}
    _show(told["setting"])
    try:
        with _store(asked.store, folder):
            for each in _sizes(size, flat=asked.flat):
                told["sizes"].append(_close(folder / f"home-{each.accounts}", each, asked))
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if asked.flat:
        told["flat"] = _flat(told["sizes"])
    _verdict(told, asked.store)
    results = Path(__file__).with_name(RESULTS.format(store=asked.store))
    results.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


def _asked(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.closing.close", description="Close a month, with times and memory by stage."
    )
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--flat", action="store_true", help="also a hundredth and a tenth of the accounts, with as many records each")
    parser.add_argument("--folder", default="", help="where homes are made; a temporary folder where not given")
    parser.add_argument("--keep", action="store_true", help="leave the homes there")
    return parser.parse_args(words)


def _sizes(size: Size, *, flat: bool) -> list[Size]:
    smaller = [Size(size.accounts // part, size.records // part) for part in (100, 10)] if flat else []
    return [*smaller, size]


def _close(folder: Path, size: Size, asked: argparse.Namespace) -> dict[str, Any]:
    """Make one home and close its month twice."""
    _say(f"\n{size.accounts:,} accounts, {size.records:,} records")
    since = time.perf_counter()
    home = close_home.make(folder, size)
    made_s = time.perf_counter() - since
    usage_bytes = sum(each.stat().st_size for each in home.sealed_folder.iterdir())
    _say(f"made in {made_s:.1f} s; usage {usage_bytes / 1e9:.2f} GB")
    home.close()
    first = _run(folder, NOW_US, asked.threads)
    _tell("the month", first, size.accounts)
    home = Home.open(folder)
    checked = close_checks.check(home, size, first["run_id"])
    _say(checked)
    duckdb, inserted = close_peers.aggregation(home, first["run_id"], asked.threads), close_peers.insertion(home, first["run_id"])
    _say(f"DuckDB, the same aggregation alone, over the charge files: {duckdb['seconds']:.2f} s, the same {duckdb['groups']:,} sums")
    _say(f"rows of lines into a bare table: {inserted['rows_a_second']:,.0f} a second")
    late = close_home.add_late(home, size, LATE_ONE_IN)
    home.close()
    again = _run(folder, NOW_US + 1_000_000, asked.threads)
    _tell(f"{late:,} late records of one account in {LATE_ONE_IN}", again, size.accounts)
    share = again["seconds"] / first["seconds"]
    assert again["invoices"] == size.accounts // LATE_ONE_IN, f"{again['invoices']} invoices after late records"
    _say(f"late records cost {share:.1%} of the full run (gate: 5 % at full size)")
    return {
        "accounts": size.accounts, "records": size.records, "made_seconds": made_s, "usage_bytes": usage_bytes, "full": first,
        "checked": checked, "duckdb": duckdb, "insertion": inserted, "late": again, "late_share": share,
    }  # fmt: skip


def _run(folder: Path, now_us: int, threads: int) -> dict[str, Any]:
    """One bill run in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.closing.close_run", str(folder), str(now_us), str(threads)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])  # noqa: S603 -- ourselves
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _tell(what: str, run: dict[str, Any], accounts: int) -> None:
    _say(f"{what}: {run['seconds']:.1f} s, {accounts / run['seconds']:,.0f} accounts a second, peak {run['peak_bytes'] / 2**20:,.0f} MiB")
    for name, stage in run["stages"].items():
        _say(
            f"  {name:40}{stage['seconds']:9.2f} s   RSS {stage['rss_bytes'] / 2**20:7,.0f}   peak {stage['peak_bytes'] / 2**20:7,.0f} MiB"
        )
    _say("  of usage, processor seconds over all threads: " + ", ".join(f"{name} {spent:.1f}" for name, spent in run["threads"].items()))


def _flat(sizes: list[dict[str, Any]]) -> dict[str, float]:
    """Microseconds an account in each size, and the largest over the smallest."""
    cost = {f"{each['accounts']:,}": each["full"]["seconds"] / each["accounts"] * 1e6 for each in sizes}
    for name, spent in cost.items():
        _say(f"{name:>12} accounts: {spent:8.1f} us each")
    cost["largest over smallest"] = max(cost.values()) / min(cost.values())
    _say(f"largest over smallest {cost['largest over smallest']:.2f} (gate 1.5)")
    return cost


def _verdict(told: dict[str, Any], store: str) -> None:
    """Gates are for the full size; a value beyond one is printed as such and fails nothing."""
    last = told["sizes"][-1]
    if (last["accounts"], last["records"]) != (GATE_SIZE.accounts, GATE_SIZE.records):
        _say("gates are for 1,000,000 accounts and 100,000,000 records")
        return
    met = last["full"]["seconds"] <= GATE_S[store] and last["full"]["peak_bytes"] < GATE_BYTES
    told["verdict"] = "meets its gate" if met else "below its gate"
    _say(f"{last['full']['seconds']:.0f} s and {last['full']['peak_bytes'] / 2**30:.1f} GiB: {told['verdict']} ({GATE_S[store]} s, 8 GiB)")


@contextlib.contextmanager
def _store(store: str, folder: Path) -> Iterator[None]:
    """Where homes keep their tables."""
    if store == "sqlite":
        os.environ.pop("RATEWRIGHT_DATABASE", None)
        yield
        return
    from tests import postgres_server  # noqa: PLC0415 -- the driver is loaded for those who ask

    folder.mkdir(parents=True, exist_ok=True)
    postgres_server.SETTINGS = POSTGRES  # type: ignore[assignment]  # that of tests does not wait for the disk
    with postgres_server.own() as server:
        os.environ["RATEWRIGHT_DATABASE"] = server.url
        yield


def _setting(store: str) -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    database = list(POSTGRES) if store == "postgresql" else _pragmas()
    return {
        "store": store, "database": database, "hardware": f"{_processor()}, {os.cpu_count()} cores", "load": os.getloadavg(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1), "python": platform.python_version(),
        "versions": versions,
    }  # fmt: skip


def _pragmas() -> list[str]:
    """What a home's SQLite is set to."""
    with tempfile.TemporaryDirectory() as folder, Home.open(Path(folder) / "home", create=True) as home, home.begin() as connection:
        names = ("journal_mode", "synchronous", "page_size", "cache_size", "wal_autocheckpoint")
        return [f"{name}={connection.exec_driver_sql(f'PRAGMA {name}').scalar_one()}" for name in names]


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _show(setting: dict[str, Any]) -> None:
    for name, what in setting.items():
        _say(f"{name}: {what}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- for whoever asked


if __name__ == "__main__":
    sys.exit(main())
