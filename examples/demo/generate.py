"""Makes a month of an operator as files: customers, four switches' call records, a stream's records, and the truth about them.

    python examples/demo/generate.py DIR --seed 1 --accounts 20000 --records 2000000

Uses numpy and the standard library, and nothing of Ratewright. The same arguments make the same bytes. What was put in is in truth.json,
which is written last: a folder without it is unfinished, and making it again starts over.
Refuses fewer than 10 accounts or 1,000 records.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime as dt
import functools
import gzip
import multiprocessing
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import calls as calls_module
import numpy as np
import population
import rowplan
import streamed
import switches
import truth
from rowplan import LATE_FILE, QUOTE, Role

if TYPE_CHECKING:
    from calls import Calls
    from population import Population
    from rowplan import Plan
    from switches import Switch

US = calls_module.US
ACCOUNTS_MIN, RECORDS_MIN = 10, 1_000
WIDTH_LEFT = 7  # columns that remain of a row that lost some
DOUBTFUL = 3  # calls in the hour that Berlin has twice, per switch that writes whole seconds of local time
PACK_LEVEL = 1


class Order(NamedTuple):
    """What to make."""

    folder: Path
    seed: int
    accounts: int
    records: int
    stream_records: int


class Planted(NamedTuple):
    """A call made on purpose, so that it can be shown."""

    name: str
    start: dt.datetime
    talk_us: int
    is_late: bool = False


BERLIN = population.ZONE
PLANTED = (
    Planted("over_midnight_and_a_new_tariff_version", dt.datetime(2026, 10, 14, 23, 55, tzinfo=BERLIN), 10 * 60 * US + 123_456),
    Planted("over_a_band_boundary", dt.datetime(2026, 10, 7, 19, 57, tzinfo=BERLIN), 5 * 60 * US + 250_000),
    Planted("over_the_change_of_clocks", dt.datetime(2026, 10, 25, 0, 50, tzinfo=dt.UTC), 80 * 60 * US + 500_000),
    Planted("arrives_after_the_bill", dt.datetime(2026, 10, 20, 9, 30, tzinfo=BERLIN), 7 * 60 * US + 1, is_late=True),
)


def main() -> int:
    """Make the folder's files."""
    order = _order()
    if order.accounts < ACCOUNTS_MIN or order.records < RECORDS_MIN:
        sys.stderr.write(
            f"error: too small to hold one of everything\n  remedy: at least {ACCOUNTS_MIN} accounts and {RECORDS_MIN:,} records\n"
        )
        return 2
    made = make(order)
    rows, streamed_rows = sum(each["all"]["rows"] for each in made["sources"].values()), made["stream"]["records"]
    print(f"{rows:,} rows in {len(made['files'])} files, {order.accounts:,} accounts, {streamed_rows:,} records to stream: {order.folder}")
    return 0


def make(order: Order) -> dict[str, Any]:
    """Write everything; return the truth."""
    order.folder.mkdir(parents=True, exist_ok=True)
    for part in ("customers", "sources", "switches", "late", "stream"):
        shutil.rmtree(order.folder / part, ignore_errors=True)
        (order.folder / part).mkdir()
    seeds = np.random.SeedSequence(order.seed).spawn(len(switches.SWITCHES) + 2)
    people = population.draw(np.random.default_rng(seeds[0]), order.accounts)
    population.write(people, order.folder / "customers")
    rows_of = _split(order.records)
    tasks = list(zip(switches.SWITCHES, seeds[2:], rows_of, strict=True))
    context = multiprocessing.get_context("spawn")  # numpy has threads, and fork does not go with threads
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        found = list(pool.map(functools.partial(_make_switch, order, people), *zip(*tasks, strict=True)))
    made = {
        "seed": order.seed,
        "accounts": order.accounts,
        "records": order.records,
        "subscriptions": len(people.subscriptions),
        "numbers": len(people.numbers),
        "files": [file for _, files, _ in found for file in files],
        "sources": {switch.name: figures for switch, (figures, _, _) in zip(switches.SWITCHES, found, strict=True)},
        "planted": [call for _, _, planted in found for call in planted],
        "stream": streamed.write(np.random.default_rng(seeds[1]), people, order.folder / "stream" / "records.csv", order.stream_records),
    }
    truth.write(order.folder / "truth.json", made)
    return made


def _order() -> Order:
    parser = argparse.ArgumentParser(description="Make a month of switch files.")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--records", type=int, default=2_000_000, help="rows of all switch files together")
    parser.add_argument("--stream-records", type=int, default=100_000, help="records for the stream, besides")
    return Order(**vars(parser.parse_args()))


def _split(records: int) -> list[int]:
    """Rows of each switch; the first takes what rounding leaves."""
    rows = [round(records * switch.share) for switch in switches.SWITCHES]
    rows[0] += records - sum(rows)
    return rows


def _make_switch(
    order: Order, people: Population, switch: Switch, seed: np.random.SeedSequence, rows: int
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """Write one switch's files; return its figures, its files and its planted calls."""
    rng = np.random.default_rng(seed)
    number_of = rowplan.counts(rows)
    drawn = number_of.main + number_of.wrong_width + number_of.wrong_time
    calls = calls_module.draw(rng, drawn, people, _callers(switch, people))
    planted, marks = _plant(rng, switch, people, calls)
    plan = rowplan.plan(rng, calls, number_of, marks)
    is_local_call = np.zeros(drawn, dtype=np.bool_)
    is_local_call[plan.call[plan.role == Role.SECOND_LEG][::2]] = True
    source = "asterisk" if not switch.definition else f"sources/{switch.name}.yaml"
    if switch.definition:
        (order.folder / source).write_text(switch.definition, encoding="utf-8")
    files = []
    edges = np.flatnonzero(np.diff(plan.file)) + 1
    for part in np.split(np.arange(len(plan.file)), edges):
        mine = plan.take(part)
        path = _path(switch, int(mine.file[0]))
        _write(order.folder / path, _text(switch, people, calls, mine, is_local_call))
        files.append({"path": path, "source": source, "switch": switch.name, "rows": len(part), "late": bool(mine.file[0] == LATE_FILE)})
    return truth.of_switch(switch, calls, plan), files, planted


def _callers(switch: Switch, people: Population) -> np.ndarray[Any, np.dtype[np.int32]]:
    wanted = {"people": ~people.is_company, "companies": people.is_company, "all": np.ones_like(people.is_company)}[switch.callers]
    return np.flatnonzero(wanted).astype(np.int32)


def _plant(rng: np.random.Generator, switch: Switch, people: Population, calls: Calls) -> tuple[list[dict[str, Any]], rowplan.Marks]:
    """Overwrite the first calls of a switch with calls made on purpose."""
    count = len(calls.line)
    is_doubtful = np.zeros(count, dtype=np.bool_)
    if switch.is_local and not switch.is_exact:
        is_doubtful[:DOUBTFUL] = True
        calls.start_us[:DOUBTFUL] = calls_module.TWICE_FROM_US + 600 * US
        calls.ring_us[:DOUBTFUL], calls.talk_us[:DOUBTFUL], calls.cause[:DOUBTFUL] = 5 * US, 300 * US, calls_module.ANSWERED
        return [], rowplan.Marks(0, None, is_doubtful)
    is_late = rng.random(count) < rowplan.LATE_SHARE
    is_late[: len(PLANTED)] = [each.is_late for each in PLANTED]
    line = int(_callers(switch, people)[0])
    found = []
    for at, each in enumerate(PLANTED):
        calls.line[at], calls.caller[at], calls.callee[at] = line, people.number[line], 493_012_345_600 + at
        calls.ring_us[at], calls.talk_us[at], calls.cause[at] = 4 * US, each.talk_us, calls_module.ANSWERED
        calls.start_us[at] = round(each.start.timestamp()) * US - calls.ring_us[at]
        found.append(
            {
                "name": each.name,
                "switch": switch.name,
                "record_id": switches.record_id(switch, calls, at),
                "served": people.account_code[line] or str(people.number[line]),
                "plan": people.subscriptions[line][2],
                "destination": str(calls.callee[at]),
                "answer": each.start.isoformat(),
                "duration_us": int(switches.shown_us(switch, calls, np.array([at]), np.array([Role.MAIN], dtype=np.int8))[0]),
            }
        )
    return found, rowplan.Marks(len(PLANTED), is_late, is_doubtful)


def _path(switch: Switch, file: int) -> str:
    if file == LATE_FILE:
        return f"late/{switch.name}-late.csv"
    return f"switches/{switch.name}/{rowplan.file_date(file).isoformat()}.csv{'.gz' if switch.is_packed else ''}"


def _text(switch: Switch, people: Population, calls: Calls, mine: Plan, is_local_call: np.ndarray[Any, np.dtype[np.bool_]]) -> bytes:
    """One file's bytes, with its damaged rows damaged."""
    whole = switches.text(switch, people, calls, mine.call, mine.role, is_local_call)
    narrow = np.flatnonzero(mine.role == Role.WRONG_WIDTH)
    if len(narrow):
        lines = whole.split(b"\n")
        for at in narrow:
            lines[at] = b",".join(lines[at].split(b",")[:WIDTH_LEFT])
        whole = b"\n".join(lines)
    if mine.reason[-1] == QUOTE:
        whole = whole[: whole.rindex(b'"')]  # inside the last quoted field
    return whole


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    packed = gzip.compress(content, PACK_LEVEL, mtime=0) if path.suffix == ".gz" else content
    path.write_bytes(packed)


if __name__ == "__main__":
    sys.exit(main())
