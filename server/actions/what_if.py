"""The what-if as a user has it: a draft, tried on a month; and that it was tried is kept, which publication asks for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from billing import catalogue as store
from billing.what_if import migration, month
from billing.what_if import what_if as ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.catalogue import Operator
    from billing.store.home import Home
    from billing.what_if import WhatIf
    from rating.model import Catalogue


def run(home: Home, catalogue: Catalogue, period: str, plan: str, migrations: Sequence[str], *, threads: int) -> WhatIf:  # noqa: PLR0913 -- what, of which month, and how
    """Price a stored month by the tariffs in force and by `catalogue`. Nothing is billed. Words are as on the command line."""
    moves = [migration.parse(each, catalogue.identity) for each in migrations]
    only = migration.full_name(plan, catalogue.identity) if plan else ""
    return ask(home, catalogue, month.parse(period), clock_s=time.perf_counter, only_plan=only, moves=moves, threads=threads)


def keep(home: Home, catalogue: Catalogue, report: WhatIf, by: Operator, now_us: int) -> bool | None:
    """Keep that the draft was tried on the month. False: it is no draft of the home folder, or published.

    None: it was of a part of the month, with moves, or of a month without usage, which is not what publication asks for.
    """
    if report.only_plan or report.moved or not report.usage:
        return None
    figures = {each.currency: {"now_micros": each.now_micros, "then_micros": each.then_micros} for each in report.currencies}
    detail = {"commit_seq": report.commit_seq, "events": report.events, "usage": report.usage, "revenue": figures}
    return bool(store.record_what_if(home, catalogue, report.month, by, now_us, detail))
