"""Re-rating billed months: `make bench-rerate ACCOUNTS= RECORDS=`, or `python -m benchmarks.closing.rerate --help`.

All accounts have one plan. Months are billed; then another version of the tariff corrects the price of messages from the beginning, and
what that comes to is previewed in a process of its own, with time and memory. The sum is counted once more in SQL over the charge files.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from benchmarks.closing import close_home
from benchmarks.closing import close_tariff as tariff
from benchmarks.closing.close_checks import MINOR
from benchmarks.closing.close_home import DAY_US, MONTHS, Size
from benchmarks.peak import peak_bytes
from billing.catalogue import publish
from billing.rerate import jobs
from billing.rerate.request import request
from billing.store.home import Home

CHEAPER_MICROS: Final = tariff.MICROS[tariff.MESSAGE] - 13_000
PLAN: Final = 1
NAME: Final = f"{tariff.IDENTITY}/{tariff.PLANS[PLAN]}"
BILL_DATES: Final = ("2026-02-01", "2026-03-01", "2026-04-01")
GATE_S: Final = 300

_DIFFERENCE: Final = f"""
select sum(cents(new) - cents(old))::bigint from (
    select sum((charge_micros * 1000000)::bigint) as old, sum(chargeable_qty * {CHEAPER_MICROS})::bigint as new
    from read_parquet($files) where status <= 1 and charge_code = {tariff.MESSAGE} group by subscription_id, period_from
)
"""


def main(words: list[str] | None = None) -> int:
    """Make, bill, correct, preview, compare, print."""
    asked = _asked(words)
    if asked.preview:
        _preview(Path(asked.preview), asked)
        return 0
    folder = Path(asked.folder) if asked.folder else Path(tempfile.mkdtemp(prefix="bench-rerate-"))
    try:
        _measure(folder / "home", asked)
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _asked(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.closing.rerate", description="Preview the re-rating of billed months.")
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--records", type=int, default=1_000_000, help="a month")
    parser.add_argument("--months", type=int, choices=range(1, len(MONTHS) + 1), default=len(MONTHS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", default="", help="where the home is made; a temporary folder where not given")
    parser.add_argument("--keep", action="store_true", help="leave the home there")
    parser.add_argument("--preview", default="", help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _measure(folder: Path, asked: argparse.Namespace) -> None:
    size = Size(asked.accounts, asked.records, plan=PLAN)
    home = close_home.make(folder, size)
    for number, (month, bill_date) in enumerate(zip(MONTHS[: asked.months], BILL_DATES, strict=False)):
        if number:
            close_home.write_usage(home, size, 2, month)
        home.close()
        after_us = month.from_us + (month.days + 1) * DAY_US
        _in_process("benchmarks.closing.close_run", str(folder), str(after_us), str(asked.threads), bill_date)
        home = Home.open(folder)
        _say(f"{month.name}: {size.records:,} records of {size.accounts:,} accounts billed")
    now_us = MONTHS[-1].from_us + 40 * DAY_US
    publish(home, tariff.catalogue(2, CHEAPER_MICROS), now_us)
    expected = _expected(home)
    home.close()
    told = _in_process(
        "benchmarks.closing.rerate", "--preview", str(folder), "--months", str(asked.months), "--threads", str(asked.threads)
    )
    assert told["net_micros"] == {tariff.CURRENCY: expected}, f"{told['net_micros']}, in SQL {expected}"
    assert told["accounts"] == size.accounts, f"{told['accounts']} accounts"
    rate = size.accounts / told["seconds"]
    _say(
        f"preview of {asked.months} months: {told['seconds']:.1f} s (gate at 1,000,000 accounts: {GATE_S}), {rate:,.0f} accounts a second, "
        f"peak {told['peak_bytes'] / 2**20:,.0f} MiB, {told['cheaper']:,} accounts cheaper; the same sum in SQL: {expected / 1e6:,.2f}; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    for name, seconds in told["stages"].items():
        _say(f"  {name:40}{seconds:9.2f} s")


def _preview(folder: Path, asked: argparse.Namespace) -> None:
    """In a process of its own: preview, and print what was measured as JSON."""
    from benchmarks.closing.close_stages import Stages  # noqa: PLC0415 -- it wraps functions of the product

    stages = Stages()
    months = f"{MONTHS[0].name}..{MONTHS[asked.months - 1].name}"
    with Home.open(folder) as home:
        since = time.perf_counter()
        found = jobs.preview(home, request(NAME, 2, months), threads=asked.threads)
        seconds = time.perf_counter() - since
    told = {
        "seconds": seconds, "peak_bytes": peak_bytes(), "accounts": found.accounts, "cheaper": found.cheaper,
        "net_micros": found.net_micros, "stages": {name: stage["seconds"] for name, stage in stages.wall.items()},
    }  # fmt: skip
    sys.stdout.write(msgspec.json.encode(told).decode())


def _expected(home: Home) -> int:
    """The difference of all messages, each line rounded to the cent as it was and as it would be."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"create macro cents(micros) as (2 * micros + {MINOR}) // (2 * {MINOR}) * {MINOR}")
    files = [str(each) for each in sorted(home.charges_folder.glob("run=*/*.parquet"))]
    (found,) = connection.execute(_DIFFERENCE, {"files": files}).fetchall()[0]
    return int(found)


def _in_process(module: str, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])  # noqa: S603 -- ourselves
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- for whoever asked


if __name__ == "__main__":
    sys.exit(main())
