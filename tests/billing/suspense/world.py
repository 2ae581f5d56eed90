"""What tests of suspense do over and over: two people, a source of Asterisk files, and the acts of a person in one line each."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from billing import invoicing
from billing.catalogue import Operator
from billing.controls import books
from billing.intake.taking import Intake
from billing.suspense import proposals, recycling, writing_off
from billing.suspense.deciding import Deciding
from billing.suspense.listing import listing
from billing.suspense.rule import rule_of
from billing.suspense.selection import Asking, Selection
from mediation.sources.model import BUILT_IN
from tests.billing.runs.world import START_US

if TYPE_CHECKING:
    from pathlib import Path

    from billing.suspense.listing import Listing
    from billing.suspense.proposals import Proposal
    from billing.suspense.recycling import Recycled
    from mediation.sources.model import Source
    from tests.billing.runs.world import World

ANA, BEN = Operator("ana", 2001), Operator("ben", 2002)
NOW_US = START_US + 366 * 86_400_000_000  # nothing of 2025 lies in the future
SWITCH = msgspec.structs.replace(BUILT_IN["asterisk"], name="north-1", timezone="Asia/Shanghai")


def asterisk_row(name: str, served: str, at: str, seconds: int, other: str = "8613900000001") -> str:
    """A row of Master.csv: an answered call that began at a local time."""
    times = f'"{at}","{at}","{at}"' if seconds == 0 else f'"{at}","{at}",""'
    parties = f'"","{served}","{other}","ctx","x","SIP/a-1","SIP/b-1","Dial","x"'
    return f'{parties},{times},{seconds},{seconds},"ANSWERED","DOCUMENTATION","{name}",""\n'


def later(world: World) -> int:
    """The next instant, in 2026 at the earliest."""
    world.now_us = max(world.now_us, NOW_US)
    return world.tick()


def take_rows(world: World, folder: Path, name: str, *rows: str, source: Source = SWITCH) -> None:
    """Take in a file of such rows."""
    path = folder / name
    path.write_text("".join(rows))
    Intake(world.home).take_file(path, source, later(world))


def asking(world: World, *sources: Source, bill_date: dt.date | None = None) -> Asking:
    """As of now, with the definitions of some sources."""
    with world.home.connect() as connection:
        seq = world.home.head_seq(connection)
    return Asking(seq, later(world), {source.name: source for source in sources}, bill_date)


def listed(world: World, **selection: Any) -> Listing:  # noqa: ANN401 -- fields of a selection
    """What waits."""
    return listing(world.home, Selection(**selection), world.tick())


def save(world: World, document: dict[str, Any], *sources: Source, bill_date: dt.date | None = None) -> Proposal:
    """Ana saves a rule."""
    rule = rule_of(document, "test")
    asked = asking(world, *sources, bill_date=bill_date)
    chosen, value = recycling.found(world.home, Selection(rule.source, rule.reasons), rule, asked)
    seen = recycling.preview(chosen, value)
    date = bill_date.isoformat() if bill_date else ""
    subject = proposals.Subject(proposals.CORRECT, seen.coming_back, seen.estimated, seen.unknown, rule, bill_date=date)
    return proposals.propose(world.home, subject, ANA, asked.now_us, reason="the switch was set up wrongly")


def apply(world: World, proposal: Proposal, *sources: Source) -> Recycled:
    """Ana brings back what a correction is about."""
    stored = proposals.proposal_of(world.home, proposal.proposal_id)
    asked = asking(world, *sources, bill_date=dt.date.fromisoformat(stored.subject.bill_date) if stored.subject.bill_date else None)
    what = Deciding(ANA, asked.now_us, stored.reason, stored.approved_by, stored.proposal_id)
    return recycling.apply_correction(world.home, stored, what, asked)


def recycle(world: World, *sources: Source, **selection: Any) -> Recycled:  # noqa: ANN401 -- fields of a selection
    """Ana tries records again."""
    asked = asking(world, *sources)
    return recycling.recycle(world.home, Selection(**selection), Deciding(ANA, asked.now_us, "tried again"), asked)


def write_off(world: World, **selection: Any) -> writing_off.WrittenOff:  # noqa: ANN401 -- fields of a selection
    """Ana proposes, Ben approves, and it is done."""
    chosen = Selection(**selection)
    subject = writing_off.subject(world.home, chosen, asking(world))
    made = proposals.propose(world.home, subject, ANA, world.tick(), reason="nobody will pay for it")
    made = proposals.decide(world.home, made.proposal_id, BEN, world.tick(), accept=True)
    what = Deciding(made.by, world.tick(), made.reason, made.approved_by, made.proposal_id)
    return writing_off.apply_write_off(world.home, made, what, chosen, asking(world))


def total_cents(world: World, account_id: str | None = None) -> int:
    """Sum of all invoices, tax included."""
    invoices = invoicing.list_invoices(world.home, account_id)
    return sum(each.total_micros for each in invoices) // 10_000


def unbalanced(world: World) -> list[str]:
    """Books that do not balance."""
    return [f"{book.name}: {book.left} and {book.right}" for book in books(world.home) if not book.ok]
