"""The stages of the demo, in their order: each calls the command line or an example client and tells what came of it.

Every one may be done again at any time after it was interrupted: files, payments and records that were taken before are recognised, and a
bill run goes on where it ended.
"""

from __future__ import annotations

import collections
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import commands
import serving
from commands import EXAMPLES
from identities import FINANCE, SWITCH
from money import euro
from progresslog import StageResult

OCTOBER_BILL, NOVEMBER_BILL = "2026-11-01", "2026-12-01"
PAID_ON, PAID_LATE_ON, DUNNED_ON = "2026-11-10", "2026-11-25", "2026-12-20"
REMINDED_ON = "2026-12-02"  # nobody is barred who was not reminded 14 days before
ASKED_ON = "2026-11-20"  # when finance asks, five days after the October bill was due
STREAMED_ON = "2026-11-22"  # the last streamed call has ended
SHOWN_ACCOUNT = "A000001"  # its calls are planted
STREAM_BATCH_ROWS = 1_000
CUT_AFTER_SHARE = 0.4  # of the batches
PAID_IN_FULL, PAID_IN_PART, PAID_TOO_MUCH = 6, 2, 1
SAMPLE = 30_000
CATALOGUES = EXAMPLES.parent / "tariffs" / "catalogs"
FILE_DONE = re.compile(r"\S+: [\d,]+ bytes in ")
OUTCOMES = ("answered", "unanswered", "absorbed", "conflicting", "duplicate", "rejected")


class Context(NamedTuple):
    """Where the demo lives, what was ordered, and whom to tell how far it is."""

    folder: Path
    seed: int
    accounts: int
    records: int
    stream_records: int
    watch: Callable[[str], None]

    @property
    def home(self) -> Path:
        """Ratewright's own folder."""
        return self.folder / "home"

    @property
    def truth(self) -> dict[str, Any]:
        """What the generator put in."""
        found: dict[str, Any] = json.loads((self.folder / "truth.json").read_text(encoding="utf-8"))
        return found


def generate(context: Context) -> StageResult:
    """Make customers, switch files and records for the stream."""
    if (context.folder / "truth.json").exists():
        return StageResult(0, [f"already made: {context.records:,} rows of switch files in {context.folder}"], {})
    sizes = ("--accounts", str(context.accounts), "--records", str(context.records), "--stream-records", str(context.stream_records))
    script = EXAMPLES / "demo" / "generate.py"
    text = commands.run([sys.executable, script, context.folder, "--seed", str(context.seed), *sizes])
    return StageResult(context.records + context.stream_records, [text.strip()], {})


def publish(context: Context) -> StageResult:
    """Publish the catalogues and import the customers."""
    for catalogue in ("mobile", "mobile-2026-10-15", "sip-trunk"):
        commands.ratewright(
            "tariffs", "publish", CATALOGUES / catalogue, "--waive-review", "one person runs the demo", "--practice", "--home", context.home
        )
    done = commands.ratewright("accounts", "import", context.folder / "customers", "--home", context.home, watch=context.watch)
    kinds = ("accounts", "subscriptions", "numbers")
    added = ", ".join(f"{done[f'{kind}_added']:,} {kind}" for kind in kinds)
    known = ", ".join(f"{done[f'{kind}_known']:,} {kind}" for kind in kinds if done[f"{kind}_known"])
    lines = [f"three catalogues (two versions of mobile); {added}", *([f"already imported: {known}"] if known else [])]
    return StageResult(sum(done[f"{kind}_added"] for kind in kinds), lines, {})


def ingest(context: Context) -> StageResult:
    """Take in the files of October."""
    return _ingest(context, late=False)


def late(context: Context) -> StageResult:
    """Take in what arrived after the bill."""
    return _ingest(context, late=True)


def seal(context: Context) -> StageResult:
    """Turn the usage journal into Parquet."""
    done = commands.ratewright("usage", "seal", "--home", context.home, watch=context.watch)
    if not done["rows"]:
        return StageResult(0, ["already sealed: nothing is left in the journal"], {})
    return StageResult(done["rows"], [f"{done['rows']:,} rows of the journal are now {done['files']} Parquet files"], {})


def bill_october(context: Context) -> StageResult:
    """Bill October."""
    return _bill(context, OCTOBER_BILL)


def bill_november(context: Context) -> StageResult:
    """Bill November, and what October's late usage changes."""
    result = _bill(context, NOVEMBER_BILL)
    corrections = _corrections(context)
    return result._replace(lines=[*result.lines, *corrections], detail={**result.detail, "corrections": corrections})


def stream(context: Context) -> StageResult:
    """Stream records as a switch, break the connection on purpose and resume; look at an invoice as finance does."""
    told = context.truth["stream"]
    batches = -(-told["records"] // STREAM_BATCH_ROWS)
    cut_after = max(1, int(batches * CUT_AFTER_SHARE))
    with serving.Server(context.home, context.folder) as server:
        words = ("--file", context.folder / told["path"], "--source", told["source"], "--batch-rows", str(STREAM_BATCH_ROWS))
        cut = ("--cut-after", str(cut_after), "--json")
        sent = json.loads(commands.example("switch_stream.py", *server.words(SWITCH), *words, *cut, watch=context.watch))
        seen = commands.example("finance_client.py", *server.words(FINANCE), "--account", SHOWN_ACCOUNT, "--as-of", ASKED_ON)
        refused = commands.refused_example("switch_stream.py", *server.words(FINANCE), *words)
    counts = ", ".join(f"{sent[name]:,} {name}" for name in ("accepted", "duplicate", "conflicting", "rejected"))
    lines = [
        f"{told['records']:,} records in {batches:,} batches, the connection cut after {cut_after:,} and resumed, all acked: {counts}",
        "finance asks over gRPC:",
        *(f"    {line}" for line in seen.strip().splitlines() if line.strip()),
        f"finance may not send usage: {refused}",
    ]
    return StageResult(told["records"], lines, {"stream": sent})


def pay(context: Context) -> StageResult:
    """Record some payments: most in full, some in part, one too high."""
    issued = commands.ratewright("invoice", "list", "--home", context.home)
    owed = [each for each in issued if each["issued_on"] == OCTOBER_BILL and each["total_micros"] > 0]
    invoices = owed[: PAID_IN_FULL + PAID_IN_PART + PAID_TOO_MUCH]
    known = 0
    for place, invoice in enumerate(invoices):
        amount = invoice["total_micros"]
        if place >= PAID_IN_FULL + PAID_IN_PART:
            amount += 5_000_000
        elif place >= PAID_IN_FULL:
            amount = amount // 20_000 * 10_000
        known += _pay(context, f"P-{place + 1:04d}", invoice["account_id"], amount, PAID_ON)
    lines = [f"{len(invoices)} payments on {PAID_ON}: {PAID_IN_FULL} in full, {PAID_IN_PART} in part, {PAID_TOO_MUCH} too high"]
    return StageResult(len(invoices), [*lines, *([f"already recorded: {known}"] if known else [])], {})


def dun(context: Context) -> StageResult:
    """Record one late payment, then remind or bar those who still have not paid."""
    payer = f"A{context.accounts:06d}"
    mine = commands.ratewright("invoice", "list", "--account", payer, "--home", context.home)
    _pay(context, "P-9001", payer, sum(each["total_micros"] for each in mine if each["issued_on"] == OCTOBER_BILL), PAID_LATE_ON)
    last = max((each["as_of"] for each in commands.ratewright("dunning", "list", "--home", context.home)), default="")
    taken, lines = 0, []
    for date in (each for each in (REMINDED_ON, DUNNED_ON) if each >= last):
        changes = commands.ratewright("dunning", "run", "--date", date, "--home", context.home, watch=context.watch)
        actions = collections.Counter(str(each["action"]) for each in changes)
        lines += [f"on {date}: {action.replace('_', ' ')} {count:,} accounts" for action, count in sorted(actions.items())]
        taken += len(changes)
    return StageResult(taken, lines or [f"already done: no account changes its state on {last}"], {})


def verify(context: Context) -> StageResult:
    """Price a random sample of the October run again with the reference twin."""
    runs = [each for each in commands.ratewright("bill", "list", "--home", context.home) if each["bill_date"] == OCTOBER_BILL]
    words = ("--run", str(runs[0]["run_id"]), "--sample", str(SAMPLE), "--seed", str(context.seed))
    found = commands.ratewright("bill", "verify", *words, "--home", context.home, watch=context.watch, statuses=(0, 1))
    detail = {"sample": found["events"], "disagreements": found["disagreements"], "upper_bound_95": found["upper_bound"]}
    lines = [
        f"{found['events']:,} of {found['population']:,} events priced again by the reference twin: {found['disagreements']} disagree",
        f"arithmetic-disagreement rate at most {found['upper_bound']:.3g} with 95 % confidence",
    ]
    return StageResult(found["events"], lines, {"disagreement": detail})


def controls(context: Context) -> StageResult:
    """Check that the books balance."""
    books = commands.ratewright("controls", "--home", context.home, statuses=(0, 1), watch=context.watch)["books"]
    failed = [book["name"] for book in books if book["left"] != book["right"]]
    lines = [f"{len(books) - len(failed)} of {len(books)} books balance", *(f"FAILED: {name}" for name in failed)]
    return StageResult(0, lines, {"books": books})


STAGES: tuple[tuple[str, Callable[[Context], StageResult]], ...] = (
    ("generate", generate),
    ("publish", publish),
    ("ingest", ingest),
    ("bill-october", bill_october),
    ("stream", stream),
    ("late", late),
    ("seal", seal),
    ("pay", pay),
    ("bill-november", bill_november),
    ("dun", dun),
    ("verify", verify),
    ("controls", controls),
)
# The day of each stage by the clock of its practice home, in the order of the stages: no clock goes back.
DAYS = {
    **dict.fromkeys(("generate", "publish", "ingest", "bill-october"), OCTOBER_BILL),
    **dict.fromkeys(("stream", "late", "seal", "pay"), STREAMED_ON),
    "bill-november": NOVEMBER_BILL,
    **dict.fromkeys(("dun", "verify", "controls"), DUNNED_ON),
}


def totals(context: Context) -> dict[str, dict[str, Any]]:
    """Invoices by the date of their issue: how many, first and last number, sums in micro-units."""
    by_date: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for invoice in commands.ratewright("invoice", "list", "--home", context.home):
        by_date[invoice["issued_on"]].append(invoice)
    return {
        date: {
            "invoices": len(found),
            "first_number": found[0]["number"],
            "last_number": found[-1]["number"],
            **{name: sum(each[name] for each in found) for name in ("net_micros", "tax_micros", "total_micros")},
        }
        for date, found in sorted(by_date.items())
    }


def _ingest(context: Context, *, late: bool) -> StageResult:
    """All files of each source with one call."""
    files = [file for file in context.truth["files"] if file["late"] is late]
    done = 0

    def count_file(line: str) -> None:
        nonlocal done
        done += FILE_DONE.match(line) is not None
        context.watch(f"{done:,} of {len(files):,} files ({100 * done // len(files)} %)")

    found: collections.Counter[str] = collections.Counter()
    for source in dict.fromkeys(file["source"] for file in files):
        name = context.folder / source if source.endswith(".yaml") else source
        paths = [context.folder / file["path"] for file in files if file["source"] == source]
        for report in commands.ratewright("usage", "ingest", *paths, "--source", name, "--home", context.home, watch=count_file):
            found["received"] += report["received"]
            found["already taken"] += report["already_taken"]
            found["taken back"] += report["taken_back"]
            found.update(report["rows"])
    lines = [f"{found['received']:,} rows in {len(files)} files: {', '.join(f'{found[name]:,} {name}' for name in OUTCOMES)}"]
    if found["already taken"]:
        lines.append(f"already taken: {found['already taken']} files")
    if found["taken back"]:
        lines.append(f"{found['taken back']} calls that were counted before came with another duration: both versions wait in suspense")
    return StageResult(found["received"], lines, {})


def _bill(context: Context, date: str) -> StageResult:
    done = commands.ratewright("bill", "run", "--date", date, "--home", context.home, watch=context.watch)
    priced = sum(done["events"].values())
    if not done["invoices"]:
        return StageResult(priced, [f"already billed: the run for {date} finds nothing left to bill"], {})
    sums = ", ".join(f"{name} {euro(done[f'{name}_micros']['EUR'])}" for name in ("net", "tax", "total"))
    (span,) = done["numbers"]  # of the one legal entity there is
    lines = [f"{done['invoices']:,} invoices {span['first']} .. {span['last']}: {sums}"]
    lines.append(f"events: {', '.join(f'{count:,} {status}' for status, count in sorted(done['events'].items()))}")
    if done["resumed"]:
        lines.append("resumed with the sequence number it had pinned before it was interrupted")
    return StageResult(priced, lines, {})


def _corrections(context: Context) -> list[str]:
    """Lines of the shown account's November invoice that correct an earlier period."""
    found = commands.ratewright("invoice", "list", "--account", SHOWN_ACCOUNT, "--home", context.home)
    mine = [each for each in found if each["issued_on"] == NOVEMBER_BILL]
    if not mine:
        return []
    invoice = commands.ratewright("invoice", "show", mine[0]["number"], "--home", context.home)
    corrected = [line for line in invoice["lines"] if line["period_from"] < OCTOBER_BILL]
    return [
        f"{mine[0]['number']} corrects the period of {line['period_from']}: {line['text']}, {euro(line['amount_micros'])}"
        for line in corrected
    ]


def _pay(context: Context, payment_id: str, account: str, micros: int, date: str) -> bool:
    """Whether the payment was there before."""
    words = ("--id", payment_id, "--account", account, "--amount", euro(micros, unit=False), "--date", date, "--reference", "demo")
    done = commands.ratewright("payment", "record", *words, "--home", context.home)
    return bool(done["existed"])
