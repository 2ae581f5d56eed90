"""`ratewright bill refused|explain|verify`: what a run made of single events."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from rating.counted import counted
from server.cli.bill import RunName, instant, run_id
from server.cli.done import done_at
from server.cli.homes import DEFAULT_HOME, HERE, AsJson, HomeFolder, Place

SHOWN_ROWS = 50


def refused(
    *,
    run: RunName = "latest",
    reason: Annotated[str | None, Parameter(help="Only events refused for this reason, such as NO_ZONE.")] = None,
    limit: Annotated[int, Parameter(help="Events to show, oldest first.")] = SHOWN_ROWS,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show events that a run could not price. Once the cause is corrected, the next run bills them while their period is open.

    `ratewright usage suspense` lists them as they are now, with everything else that waits, and corrects or writes them off.
    """
    from billing.runs.refused_events import refusals
    from rating.errors import UserError
    from server.cli import output, practice

    if limit < 0:
        raise UserError(f"--limit {limit} is below zero", "give a whole number from 0 on", exit_status=2)
    number = run_id(run)
    opened, found = done_at(
        at,
        lambda home: refusals(home, number, reason, limit),
        lambda service: service.follow_ups.refused(number, reason, limit),
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, found))
        return 0
    if not found.counts:
        print(f"run {found.run_id} refused no event")
        return 0
    output.print_table(("reason", "events"), sorted(found.counts.items()), right=("events",), title=f"refused by run {found.run_id}")
    print()
    rows = [(each.reason, each.source, each.record_id, each.served_id, each.destination, instant(each.start_us)) for each in found.rows]
    output.print_table(("reason", "source", "record", "served", "destination", "start (UTC)"), rows)
    return 0


def explain(
    record: Annotated[str, Parameter(help="The record's id in its source, as `bill refused` shows it.")],
    *,
    run: RunName = "latest",
    language: Annotated[Literal["en", "zh"], Parameter(help="Language.")] = "en",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Explain the charge of a record down to its increments, or why the record is refused, or why no bill has it.

    The latest run by default; of a record that it did not price, the newest run that did. Amounts that re-ratings have billed on top of the
    charge since are shown beside it, by line: they keep no charges by event.
    """
    from server.actions.enquiries import records
    from server.cli import output, practice

    of_run = run_id(run)
    opened, found = done_at(
        at,
        lambda home: records.look_up(home, record, of_run).shown(language),
        lambda service: service.prices.explain(record, of_run, language),
    )
    if as_json:
        output.print_json(practice.marked(opened, found.document))
        return 0
    practice.say(opened, language)
    print("\n\n".join("\n".join(each) for each in found.texts))
    return 0


def verify(
    *,
    run: RunName = "latest",
    sample: Annotated[int, Parameter(help="At least how many events to price again.")] = 30_000,
    seed: Annotated[int, Parameter(help="Chooses the sample.")] = 1,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Price a random sample of a run again with the plain reference and compare every figure. Exit status 1 if one differs."""
    from billing.store.home import Home
    from billing.verification.rerate_sample import rerate
    from rating.errors import UserError
    from server.cli import output, progress

    if seed < 0:
        raise UserError(f"seed {seed} is below zero", "give a whole number from 0 on", exit_status=2)
    with Home.open(home) as opened, progress.show("verify", "events") as report:
        found = rerate(opened, run_id(run), sample, seed, progress=report)
    if as_json:
        output.print_json(found)
    else:
        print(f"run {found.run_id}: {found.events:,} of {counted(found.population, 'event')} priced again, {found.disagreements} differ")
        print(f"arithmetic-disagreement rate at most {found.upper_bound:.2e} with 95 % confidence")
        for each in found.examples:
            print(f"  {each}")
    return 1 if found.disagreements else 0
