"""`ratewright tariffs publish`: from its effective date on a version prices, and it can never change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder, Practice, made

if TYPE_CHECKING:
    from billing.affected import Affected, Beyond
    from billing.catalogue import Publication, Waivers
    from billing.store.home import Home
    from rating.model import Catalogue

NAMED = 3  # accounts that are named


def publish(
    what: Annotated[str, Parameter(name="IDENTITY@VERSION|PATH")],
    /,
    *,
    waive_review: str | None = None,
    waive_notice: str | None = None,
    waive_what_if: str | None = None,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
    practice: Practice = False,
) -> int:
    """Publish a reviewed draft: from its effective date on it prices, and it can never change.

    A draft must have been reviewed by another person. It must keep the notice period of its catalogue where a price rises. It must have
    been tried (`tariffs what-if`) on the newest month with usage. Each condition can be waived with a reason, which is kept.

    Parameters
    ----------
    what
        The draft, such as mobile@2; or a file or folder, which is drafted and published at once.
    waive_review
        Reason for publishing without a review; only while no subscription is on a plan of the catalogue.
    waive_notice
        Reason for a price rise without the notice that the catalogue promises.
    waive_what_if
        Reason for publishing without a trial on the newest month.
    home
        Home folder; for a file or folder it is made when it does not exist.
    as_json
        Print JSON.
    practice
        Make a practice home, where there is none.

    """
    from server.cli.catalogue_names import find, is_path

    from_files = is_path(what)

    from billing.catalogue import Waivers, version_name
    from billing.store.home import Home
    from server.cli import output
    from server.cli.tariffs.common import line, summary

    if not from_files:
        version_name(what)  # `mobile` alone could mean its newest version or its newest draft
    catalogue = find(what, home)
    waive = Waivers(waive_review, waive_notice, waive_what_if)
    with made(home, practice=practice) if from_files else Home.open(home, practice=practice) as opened:
        publication, now_us = _publish(opened, catalogue, what if from_files else "", waive)
        told, beyond = _past(opened, catalogue, now_us) if publication.added else ([], [])
    notes = [*publication.notes, *told]
    if as_json:
        found = {**summary(catalogue), "content_hash": publication.content_hash.hex()}
        by_hand = [each._asdict() for each in beyond]
        output.print_json(
            {**found, "commit_seq": publication.commit_seq, "added": publication.added, "notes": notes, "adjust_by_hand": by_hand}
        )
        return 0
    print(f"{line(catalogue)}: {'published' if publication.added else 'was published before, nothing to do'}")
    for note in notes:
        print(f"  {note}")
    return 0


def _publish(home: Home, catalogue: Catalogue, path: str, waive: Waivers) -> tuple[Publication, int]:
    """Publish, and return the publication and its instant."""
    from billing import catalogue as store
    from server import operator
    from server.clock import now_us

    instant_us = now_us(home)
    if path:
        return store.publish_at_once(home, catalogue, operator.current(), instant_us, waive=waive, origin=str(Path(path))), instant_us
    name = f"{catalogue.identity}@{catalogue.version}"
    return store.publish_draft(home, name, operator.current(), instant_us, waive), instant_us


def _past(home: Home, catalogue: Catalogue, now_us: int) -> tuple[list[str], list[Beyond]]:
    """Effects of a back-dated version on bills that were written, and those that are left to adjust by hand."""
    if catalogue.effective_from_us >= now_us:
        return [], []
    from billing.affected import rebilled
    from server.cli import output

    touched, again = rebilled(home, catalogue)
    if not touched.subscriptions:
        return [], []
    notes = [f"it takes effect in the past and touches {counted(touched.number, 'subscription')}"]
    if again.periods:
        first, last = again.periods[0][0], output.last_day(again.periods[-1][1])
        accounts = counted(again.accounts, "account")
        notes.append(f"the next bill run computes billed periods of {accounts} again, from {first} to {last}, and bills what differs")
    if again.beyond:
        named = ", ".join(f"{each.account_id} from {each.from_date} to {output.last_day(each.to_date)}" for each in again.beyond[:NAMED])
        more = f", and {len(again.beyond) - NAMED} more, all in --json" if len(again.beyond) > NAMED else ""
        notes.append(
            f"it changes billed days of {counted(len(again.beyond), 'account')} ({named}{more}) that no run opens any more: "
            f"{_rerate(catalogue, touched, again.beyond)}"
        )
    return notes, again.beyond


def _rerate(catalogue: Catalogue, touched: Affected, beyond: list[Beyond]) -> str:
    """The command that bills the differences of such days, for one plan, and the names of the others."""
    from server.cli import output

    accounts = {each.account_id for each in beyond}
    plans = sorted({each.plan.partition("+")[0] for each in touched.subscriptions if each.account_id in accounts})
    first, last = min(each.from_date for each in beyond), max(output.last_day(each.to_date) for each in beyond)
    first_month, last_month = str(first)[:7], last[:7]
    months = first_month if first_month == last_month else f"{first_month}..{last_month}"
    command = f"ratewright bill rerate --plan {plans[0]} --version {catalogue.version} --periods {months} --dry-run"
    others = f"; likewise {', '.join(plans[1:])}" if plans[1:] else ""
    return f"{command} shows their differences{others}"
