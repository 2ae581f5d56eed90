"""The service against what it stands on: `make bench-service ACCOUNTS=`, or `python -m benchmarks.service.run --help`.

A month of some accounts is made and billed (`benchmarks.closing`). Then clients in this process and servers in others share the cores: each
row is a ratio of two figures of this run, taken in turn. What was streamed is counted in the home before a figure counts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.closing import close_home
from benchmarks.closing.close_home import BILL_DATE, NOW_US, Size
from benchmarks.service import asking
from benchmarks.service.asking import Acked, Server
from billing import operators
from billing.intake.taking import Intake
from billing.invoicing import list_invoices
from billing.operators import OperatorKind
from billing.persons import Who
from billing.runs import cycle
from billing.store.home import Home
from rating.dates import DAY_US
from server import clock
from server.access import tokens

RESULTS: Final = Path(__file__).with_name("service.json")
LARGE_ROWS, SMALL_ROWS = 65_536, 1_024
ROUNDS: Final = 3
CALLS: Final = 1_000
ACKS: Final = 300


class Row(NamedTuple):
    """A line of the table. `is_time`: a smaller value is better."""

    name: str
    value: float
    gate: float | None = None
    aim: float | None = None
    is_time: bool = False
    told: str = ""

    @property
    def verdict(self) -> str:
        """The value against its gate and aim."""
        if self.gate is None or self.aim is None:
            return ""
        reaches = (lambda bound: self.value <= bound) if self.is_time else (lambda bound: self.value >= bound)
        return "meets its aim" if reaches(self.aim) else "meets its gate" if reaches(self.gate) else "BELOW ITS GATE"


class Bench:
    """One run: the home, the servers, and the numbers of records that were used."""

    def __init__(self, folder: Path, size: Size, batches: int) -> None:
        self.folder, self.size, self.batches = folder, size, batches
        self.rows: list[Row] = []
        self._next = 10**12  # of records: beyond those of the home
        self.streamed = 0
        with close_home.make(folder / "home", size) as home:
            report = cycle.run(home, dt.date.fromisoformat(BILL_DATE), NOW_US, threads=2)
            assert report.invoices == size.accounts
            self.stored_before = stored(home)
            found = list_invoices(home, None, limit=1)[0]
            self.invoice = f"accounts/{found.account_id}/invoices/{found.number}"
            now_us = clock.now_us(home)
            who = Who("boss", os.getuid(), now_us)
            operators.add(home, "boss", OperatorKind.PERSON, who, uid=os.getuid())
            self.token = tokens.issue(home, "boss", now_us + DAY_US, "0" * 32, who).text

    @property
    def home(self) -> Path:
        """The folder of the home."""
        return self.folder / "home"

    def start(self, kind: str) -> Server:
        """A server of a kind in front of the home."""
        return Server(kind, self.home, self.token)

    def fresh(self, count: int, rows: int) -> list[Any]:
        """Messages with records that nobody sent before."""
        made = asking.messages(asking.batches(count, rows, self._next))
        self._next += count * rows
        return made

    def stream(self, server: Server, count: int, rows: int) -> float:
        """Rows a second, durable and acked."""
        sent = self.fresh(count, rows)
        self.streamed += count * rows
        return count * rows / asking.stream(server, sent)

    def acked(self, server: Server, count: int = ACKS) -> asking.Spread:
        """Times of single records until they are durable."""
        all_of_them = count + count // 10  # with those that make it warm
        one = Acked(server, self.fresh(all_of_them, 1))
        found = asking.spread(one.one, count)
        one.close()
        self.streamed += all_of_them
        return found

    def add(self, *row: Any, **more: Any) -> None:  # noqa: ANN401 -- fields of a row
        """A row of the table, which is shown at once."""
        self.rows.append(Row(*row, **more))
        each = self.rows[-1]
        sys.stdout.write(f"  {each.name}: {each.value:.3g} {each.verdict} {each.told}\n")
        sys.stdout.flush()


def stored(home: Home) -> int:
    """The number of records that count in a home."""
    with home.connect() as connection:
        return int(Intake(home).usage(["record_id"], home.head_seq(connection)).num_rows)


def throughput(bench: Bench) -> None:
    """Streams of large and of small batches, guarded, open and bare."""
    figures: dict[str, list[float]] = {name: [] for name in ("bare", "guarded", "open", "small")}
    with bench.start("bare") as bare, bench.start("guarded") as guarded:
        for server in (guarded,):
            bench.stream(server, 2, LARGE_ROWS)
        for _ in range(ROUNDS):
            figures["bare"].append(bench.batches * LARGE_ROWS / asking.throw_away(bare, bench.fresh(bench.batches, LARGE_ROWS)))
            figures["guarded"].append(bench.stream(guarded, bench.batches, LARGE_ROWS))
            figures["small"].append(bench.stream(guarded, bench.batches * 8, SMALL_ROWS))
    with bench.start("open") as other:
        bench.stream(other, 2, LARGE_ROWS)
        figures["open"] += [bench.stream(other, bench.batches, LARGE_ROWS) for _ in range(ROUNDS)]
    of = {name: statistics.median(each) for name, each in figures.items()}
    told = f"{of['guarded'] / 1e6:.2f} M rows/s, bare {of['bare'] / 1e6:.1f}"
    bench.add(
        "64k-row batches, durable and acked, over a bare stream that throws them away", of["guarded"] / of["bare"], 0.3, 0.6, told=told
    )
    bench.add("the same with identity, audit and limits over without", of["guarded"] / of["open"], 0.9, 1.2)
    bench.add("1k-row batches over 64k", of["small"] / of["guarded"], 0.2, 0.4, told=f"{of['small'] / 1e6:.2f} M rows/s")


def single_calls(bench: Bench) -> None:
    """Quote and invoice over an empty call; with identity over without; the ack of one record."""
    figures: dict[str, asking.Spread] = {}
    for kind in ("open", "guarded"):
        with bench.start(kind) as server:
            figures[f"nothing, {kind}"] = asking.spread(lambda: server.call("grpc.health.v1.Health/Check", asking.nothing()), CALLS)
            figures[f"quote, {kind}"] = asking.spread(lambda: server.call("ratewright.v1.RatingService/Quote", asking.quote()), CALLS)
            figures[f"invoice, {kind}"] = asking.spread(
                lambda: server.call("ratewright.v1.InvoiceService/GetInvoice", asking.invoice(bench.invoice)), CALLS
            )
            if kind == "guarded":
                figures["ack"] = bench.acked(server)
                figures["syncs"] = asking.spread(asking.two_syncs(bench.folder), ACKS)
                figures["ack, run"] = _while_a_run_computes(bench, server)
    empty = figures["nothing, guarded"].p50
    for name in ("quote", "invoice"):
        found = figures[f"{name}, guarded"]
        told = f"p50 {found.p50:.0f} us, p99 {found.p99:.0f} us; empty call {empty:.0f} us"
        gate, aim = (3, 1.5) if name == "quote" else (4, 2.5)
        bench.add(f"{name} over an empty call, p50", found.p50 / empty, gate, aim, is_time=True, told=told)
        bench.add(f"{name} with identity, audit and limits over without", figures[f"{name}, open"].p50 / found.p50, 0.9, 1.2)
    base = empty + figures["syncs"].p50
    told = f"p50 {figures['ack'].p50:.0f} us, p99 {figures['ack'].p99:.0f} us; empty call and two syncs {base:.0f} us"
    bench.add("a durable ack of one record over an empty call and two syncs, p50", figures["ack"].p50 / base, 4, 2, is_time=True, told=told)
    told = f"p50 {figures['ack, run'].p50:.0f} us, p99 {figures['ack, run'].p99:.0f} us"
    bench.add("the same while a bill run computes, over alone", figures["ack, run"].p50 / figures["ack"].p50, 5, 2, is_time=True, told=told)


def _while_a_run_computes(bench: Bench, server: Server) -> asking.Spread:
    """Acks while a process of lower priority bills the next month; it lasts longer than the acks, or fewer are counted."""
    program = str(Path(sys.executable).with_name("ratewright"))
    words = ["nice", program, "bill", "run", "--date", "2026-03-01", "--threads", "1", "--home", str(bench.home)]
    times: list[asking.Spread] = []
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603 -- our own
        while process.poll() is None:
            times.append(bench.acked(server, 20))
    assert process.returncode == 0
    middle = times[len(times) // 4 : -len(times) // 4] or times  # the run starts, and numbers at its end
    return asking.Spread(statistics.median(each.p50 for each in middle), max(each.p99 for each in middle))


def many_streams(bench: Bench) -> None:
    """200 streams against 4, in turns on one warm server, and its memory."""
    figures: dict[int, list[float]] = {4: [], 200: []}
    opening, each_of_200 = 0.0, max(bench.batches // 2, 2)
    with bench.start("guarded") as server:
        bench.stream(server, 2, LARGE_ROWS)
        for _ in range(ROUNDS):
            for count in (4, 200):
                each = each_of_200 * 200 // count
                sent = [bench.fresh(each, SMALL_ROWS) for _ in range(count)]
                bench.streamed += each * count * SMALL_ROWS
                took = asking.streams_at_once(server, sent)
                figures[count].append(each * count * SMALL_ROWS / took.streaming)
                opening = took.opening
        memory = server.memory_mib()
    of = {count: statistics.median(each) for count, each in figures.items()}
    told = f"{of[200] / 1e6:.2f} against {of[4] / 1e6:.2f} M rows/s once they are open; 200 were opened in {opening:.2f} s"
    bench.add("200 streams of 1k-row batches against 4", of[200] / of[4], 0.7, 0.9, told=told)
    bench.add("peak memory of the server with 200 streams, MiB", memory, 1536, 768, is_time=True)


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--batches", type=int, default=20, help="64k-row batches of a round")
    asked = parser.parse_args(words)
    folder = Path(tempfile.mkdtemp(prefix="bench-service-"))
    setting = {"python": platform.python_version(), "cores": os.cpu_count(), "load_before": os.getloadavg(), "accounts": asked.accounts}
    try:
        bench = Bench(folder, Size(asked.accounts, asked.accounts * 20), asked.batches)
        for measure in (throughput, single_calls, many_streams):
            measure(bench)
        with Home.open(bench.home) as home:
            count = stored(home) - bench.stored_before
        assert count == bench.streamed, (count, bench.streamed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    setting["load_after"] = os.getloadavg()
    table = [{**row._asdict(), "verdict": row.verdict} for row in bench.rows]
    RESULTS.write_text(json.dumps({"setting": setting, "rows": table}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
