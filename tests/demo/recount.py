"""Counts a demo folder again from the outside, and compares with truth.json and summary.json.

    python tests/demo/recount.py DIR

It imports nothing of Ratewright: switch files are read with the csv module, usage and charges from Parquet, the rest from SQL. Figures
that differ are printed with the places they were taken from; then the exit status is 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import recount_files
import recount_store

# By hand, from tariffs/catalogs/mobile: plan smart-s, calls inside Germany, 60/1 increments; a night call has no connect fee.
HAND_MICROS = {
    ("over_midnight_and_a_new_tariff_version", "edge-a"): 300_500,  # 601 s at 0.03 a minute: version 1 prices all of it
    ("over_midnight_and_a_new_tariff_version", "asterisk"): 300_000,  # 600 s
    ("over_a_band_boundary", "edge-a"): 441_000,  # 0.05 + 180 s at 0.09 + 121 s at 0.06
    ("over_a_band_boundary", "asterisk"): 440_000,  # 0.05 + 180 s at 0.09 + 120 s at 0.06
    ("over_the_change_of_clocks", "edge-a"): 1_000_500,  # 02:50 to 03:00 and 02:00 to 03:00: 4,200 s at 0.01; 601 s at 0.03
    ("over_the_change_of_clocks", "asterisk"): 1_000_000,  # 4,200 s at 0.01; 600 s at 0.03
    ("arrives_after_the_bill", "edge-a"): 821_800,  # 0.05 + 421 s at the 0.11 of version 2, = 0.8218333
    ("arrives_after_the_bill", "asterisk"): 820_000,  # 0.05 + 420 s
}
OUTCOMES = ("answered", "unanswered", "absorbed", "conflicting", "duplicate", "rejected")


class Check(NamedTuple):
    """One figure from two places."""

    name: str
    expected: object
    found: object

    @property
    def ok(self) -> bool:
        """Whether both places say the same."""
        return self.expected == self.found


def main() -> int:
    """Recount, print what differs; 0 when nothing does."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "summary.json").is_file():
        sys.stderr.write(
            "error: no finished demo\n  remedy: python tests/demo/recount.py DIR, with the folder that `make demo` left behind\n"
        )
        return 2
    checks = recount(Path(sys.argv[1]))
    failed = [check for check in checks if not check.ok]
    for check in failed:
        sys.stdout.write(f"DIFFERS {check.name}: {check.expected} and {check.found}\n")
    sys.stdout.write(f"{len(checks) - len(failed)} of {len(checks)} figures agree\n")
    return 1 if failed else 0


def recount(folder: Path) -> list[Check]:
    """Every figure of the folder from two places."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    files = recount_files.count(folder, truth)
    store = recount_store.Store(folder / "home")
    checks: list[Check] = []
    for switch in truth["sources"]:
        checks += _check_truth(switch, truth["sources"][switch], files[switch])
        checks += _check_intake(switch, files[switch], store, summary)
    checks += _check_stream(truth["stream"], store)
    checks += [Check(f"rows of {path}", rows, counted) for path, rows, counted in recount_files.rows_of_files(truth, files)]
    checks += _check_refused(files, store)
    checks += [Check(*each) for each in store.invoice_checks()]
    checks += [Check(*each) for each in store.charge_checks()]
    checks += [Check(*each) for each in store.money_checks()]
    checks += _check_planted(truth, store)
    checks += _check_summary(summary, store)
    return checks


def _check_truth(switch: str, told: dict[str, Any], counted: recount_files.Counted) -> list[Check]:
    """What the generator says it put in, and what the csv module finds."""
    place = f"{switch}, truth and csv:"
    checks = [
        Check(f"{place} rows", told["all"]["rows"], counted.rows),
        Check(f"{place} late rows", told["late"]["rows"], counted.late_rows),
    ]
    for outcome in OUTCOMES:
        checks.append(Check(f"{place} {outcome}", told["all"]["outcomes"][outcome]["rows"], counted.outcomes[outcome].rows))
        if outcome != "rejected":
            found_us = counted.outcomes[outcome].duration_us
            checks.append(Check(f"{place} {outcome} microseconds", told["all"]["outcomes"][outcome]["duration_us"], found_us))
    told_reasons = {reason: rows for reason, rows in told["all"]["rejected"].items() if rows}
    checks.append(Check(f"{place} rejected by reason", told_reasons, dict(counted.rejected)))
    checks.append(Check(f"{place} taken back", told["taken_back"], counted.taken_back))
    checks.append(Check(f"{place} refused when priced", told["all"]["refused"], counted.refused))
    checks.append(Check(f"{place} answered for zero seconds", told["all"]["zero_duration_answered"], counted.zero_duration_answered))
    checks.append(Check(f"{place} by day", told["per_day"], counted.per_day()))
    return checks


def _check_intake(switch: str, counted: recount_files.Counted, store: recount_store.Store, summary: dict[str, Any]) -> list[Check]:
    """What the csv module finds, what intake counted in SQL, what lies in Parquet, and what the books say."""
    checks = []
    for outcome in OUTCOMES:
        expected = counted.outcomes[outcome]
        in_sql = store.intake(switch, outcome)
        checks.append(Check(f"{switch}, csv and intake counts: {outcome}", expected.rows, in_sql.rows))
        if outcome not in {"rejected", "unanswered"}:
            checks.append(Check(f"{switch}, csv and intake counts: {outcome} microseconds", expected.duration_us, in_sql.duration_us))
    for outcome in ("answered", "unanswered", "absorbed"):
        in_parquet = store.usage(switch, outcome)
        checks.append(Check(f"{switch}, csv and Parquet: {outcome}", counted.outcomes[outcome].rows, in_parquet.rows))
        checks.append(
            Check(f"{switch}, csv and Parquet: {outcome} microseconds", counted.outcomes[outcome].duration_us, in_parquet.duration_us)
        )
    checks.append(Check(f"{switch}, csv and suspense", store.suspended(switch), counted.suspended()))
    checks += [
        Check(f"{switch}, csv and book: {outcome} {unit}", expected, book)
        for outcome, unit, expected, book in _book_figures(switch, counted, summary)
    ]
    return checks


def _book_figures(switch: str, counted: recount_files.Counted, summary: dict[str, Any]) -> list[tuple[str, str, int, int]]:
    found = []
    for book in summary["books"]:
        head, _, outcome = book["name"].partition(": ")
        if head == f"intake {switch}" and outcome in OUTCOMES and book["unit"] in {"rows", "microseconds"}:
            figure = counted.outcomes[outcome].rows if book["unit"] == "rows" else counted.outcomes[outcome].duration_us
            found.append((outcome, book["unit"], figure, book["left"]))
    return found


def _check_stream(told: dict[str, Any], store: recount_store.Store) -> list[Check]:
    """What was streamed, twice in part, and what lies in Parquet once."""
    found = store.streamed(told["source"])
    return [Check(f"stream, truth and Parquet: {service}", told[service], found[service]) for service in ("voice", "sms", "data")]


def _check_refused(files: dict[str, recount_files.Counted], store: recount_store.Store) -> list[Check]:
    """Events that no price could be found for, over all switches, and the charge rows that say so in the last run."""
    expected = {name: sum(counted.refused[name] for counted in files.values()) for name in recount_files.REFUSALS}
    return [Check("refused, csv and charges of all runs", expected, store.refused_records(tuple(files)))]


def _check_planted(truth: dict[str, Any], store: recount_store.Store) -> list[Check]:
    """Calls made on purpose were taken in as they are, and priced."""
    checks = []
    for call in truth["planted"]:
        found = store.planted(call["switch"], call["record_id"])
        name = f"planted call {call['name']} of {call['switch']}"
        checks.append(
            Check(f"{name}: who called, for how long", (call["served"], call["duration_us"]), (found.served_id, found.duration_us))
        )
        checks.append(Check(f"{name}: charge by hand", HAND_MICROS[call["name"], call["switch"]], found.charge_micros))
    return checks


def _check_summary(summary: dict[str, Any], store: recount_store.Store) -> list[Check]:
    checks = [Check(f"summary, book {book['name']} ({book['unit']})", book["left"], book["right"]) for book in summary["books"]]
    checks.append(Check("summary and SQL: invoices", summary["invoices"], store.invoices_by_date()))
    checks.append(Check("summary: disagreements with the twin", 0, summary["disagreement"]["disagreements"]))
    return checks


if __name__ == "__main__":
    sys.exit(main())
