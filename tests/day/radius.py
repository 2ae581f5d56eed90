"""`nas-e`: RADIUS accounting detail of data sessions, with running totals above 4 GiB, repeats, and one session that never stops."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from tests.day.calls import DAY
from tests.day.truth import Sums

if TYPE_CHECKING:
    import random

    from tests.day.truth import Truth

NAME = "nas-e"
_WRAP = 1 << 32


class _Totals(NamedTuple):
    """Of a session so far."""

    seconds: int = 0
    up: int = 0
    down: int = 0


class _Report(NamedTuple):
    at: dt.datetime
    text: bytes
    sums: Sums


def records(rng: random.Random, count: int, truth: Truth) -> list[bytes]:
    """Packets in order of time: start, interims every hour or so, stop. What a session's packets hold counts once, when it has stopped."""
    reports: list[_Report] = []
    for number in range(1, count + 1):
        own = _session(rng, number, is_open=number == count)
        reports += own
        if number == count:
            for report in own:
                truth.add(NAME, "waiting", report.sums._replace(rows=1))
            continue
        for report in own:
            truth.add(NAME, "absorbed", report.sums)
        truth.add(NAME, "assembled", own[-1].sums._replace(rows=1))
        if rng.random() < 0.05:
            reports.append(own[-1])
            truth.add(NAME, "duplicate", own[-1].sums)
    reports.sort(key=lambda report: report.at)
    return [report.text for report in reports]


def _session(rng: random.Random, number: int, *, is_open: bool) -> list[_Report]:
    begin = DAY + dt.timedelta(seconds=rng.randrange(60_000))
    totals = _Totals()
    reports = [_report(number, "Start", begin, totals)]
    for _ in range(rng.randrange(3)):
        more = (rng.randrange(600, 4000), rng.randrange(10**8), rng.randrange(3 * 10**9))
        totals = _Totals(*(so_far + added for so_far, added in zip(totals, more, strict=True)))
        reports.append(_report(number, "Interim-Update", begin, totals))
    if not is_open:
        more = (rng.randrange(1, 600), rng.randrange(10**6), rng.randrange(10**8))
        totals = _Totals(*(so_far + added for so_far, added in zip(totals, more, strict=True)))
        reports.append(_report(number, "Stop", begin, totals))
    return reports


def _report(number: int, status: str, begin: dt.datetime, totals: _Totals) -> _Report:
    seconds, up, down = totals
    at = begin + dt.timedelta(seconds=seconds)
    lines = [
        at.strftime("%a %b %d %H:%M:%S %Y"),
        f"\tAcct-Status-Type = {status}",
        f'\tAcct-Session-Id = "s{number:06d}"',
        f'\tUser-Name = "49301{number:06d}"',
        f'\tCalling-Station-Id = "49301{number:06d}"',
        '\tCalled-Station-Id = "internet"',
        "\tNAS-IP-Address = 192.0.2.9",
        f'\tEvent-Timestamp = "{at.strftime("%b %d %Y %H:%M:%S UTC")}"',
        "\tAcct-Delay-Time = 0",
    ]
    if status != "Start":
        lines += [
            f"\tAcct-Session-Time = {seconds}",
            f"\tAcct-Input-Octets = {up % _WRAP}",
            f"\tAcct-Output-Octets = {down % _WRAP}",
            f"\tAcct-Input-Gigawords = {up // _WRAP}",
            f"\tAcct-Output-Gigawords = {down // _WRAP}",
        ]
    if status == "Stop":
        lines.append("\tAcct-Terminate-Cause = User-Request")
    lines.append(f"\tTimestamp = {int(at.timestamp())}")
    return _Report(at, "\n".join(lines).encode(), Sums(1, seconds * 1_000_000, up + down))
