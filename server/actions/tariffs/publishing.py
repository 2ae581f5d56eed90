"""The publication of a version, and its effect on bills that were written."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple

from billing import catalogue as store
from billing.affected import Beyond, rebilled
from billing.catalogue import Kind, Publication
from billing.catalogue.stored import publications_of
from billing.what_if.newest_month import newest_month
from rating.counted import counted
from rating.dates import last_day_text
from server.actions.tariffs.figures import Figures, figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.affected import Affected
    from billing.catalogue import Waivers
    from billing.payments.writing import Act
    from billing.store.home import Home
    from rating.model import Catalogue

NAMED: Final = 3  # accounts that are named


class Published(NamedTuple):
    """A publication, what is to be known about it, and days of accounts that are left to adjust by hand."""

    figures: Figures
    publication: Publication
    notes: list[str]
    beyond: list[Beyond]


def publish(home: Home, catalogue: Catalogue, act: Act, waive: Waivers, *, path: str = "") -> Published:
    """Publish the newest draft of a version; with `path` the catalogue that was read there, drafted at once."""
    newest = functools.partial(newest_month, home)
    if path:
        done = store.publish_at_once(home, catalogue, act.by, act.now_us, waive=waive, newest=newest, origin=path)
    else:
        name = f"{catalogue.identity}@{catalogue.version}"
        done = store.publish_draft(home, name, act.by, act.now_us, waive, newest=newest, dry_run=act.dry_run)
    return with_past(home, catalogue, done, act.now_us)


def with_past(home: Home, catalogue: Catalogue, done: Publication, now_us: int) -> Published:
    """A publication with the effects of a back-dated version on bills that were written."""
    told, beyond = _past(home, catalogue, now_us) if done.added else ([], [])
    return Published(figures(catalogue), done, [*done.notes, *told], beyond)


def published_by(home: Home, commit_seq: int, now_us: int) -> Published:
    """The publication of a commit, with its effects as they are now."""
    with home.connect() as connection:
        found = next(each for each in publications_of(connection) if each.commit_seq == commit_seq)
    decisions = store.decisions(home, found.catalogue.identity)
    notes = next(each.detail.get("notes", ()) for each in decisions if (each.commit_seq, each.kind) == (commit_seq, Kind.PUBLISHED))
    catalogue = found.catalogue
    done = Publication(catalogue.identity, catalogue.version, catalogue.content_hash, commit_seq, added=True, notes=tuple(notes))
    return with_past(home, catalogue, done, now_us)


def _past(home: Home, catalogue: Catalogue, now_us: int) -> tuple[list[str], list[Beyond]]:
    """Effects of a back-dated version on bills that were written, and those that are left to adjust by hand."""
    if catalogue.effective_from_us >= now_us:
        return [], []
    touched, again = rebilled(home, catalogue)
    if not touched.subscriptions:
        return [], []
    notes = [f"it takes effect in the past and touches {counted(touched.number, 'subscription')}"]
    if again.periods:
        first, last = again.periods[0][0], last_day_text(again.periods[-1][1])
        accounts = counted(again.accounts, "account")
        notes.append(f"the next bill run computes billed periods of {accounts} again, from {first} to {last}, and bills what differs")
    if again.beyond:
        named = ", ".join(f"{each.account_id} from {each.from_date} to {last_day_text(each.to_date)}" for each in again.beyond[:NAMED])
        more = f", and {len(again.beyond) - NAMED} more, all in --json" if len(again.beyond) > NAMED else ""
        notes.append(
            f"it changes billed days of {counted(len(again.beyond), 'account')} ({named}{more}) that no run opens any more: "
            f"{_rerate(catalogue, touched, again.beyond)}"
        )
    return notes, again.beyond


def _rerate(catalogue: Catalogue, touched: Affected, beyond: Sequence[Beyond]) -> str:
    """The command that bills the differences of such days, for one plan, and the names of the others."""
    accounts = {each.account_id for each in beyond}
    plans = sorted({each.plan.partition("+")[0] for each in touched.subscriptions if each.account_id in accounts})
    first, last = min(each.from_date for each in beyond), max(last_day_text(each.to_date) for each in beyond)
    first_month, last_month = str(first)[:7], last[:7]
    months = first_month if first_month == last_month else f"{first_month}..{last_month}"
    command = f"ratewright bill rerate --plan {plans[0]} --version {catalogue.version} --periods {months} --dry-run"
    others = f"; likewise {', '.join(plans[1:])}" if plans[1:] else ""
    return f"{command} shows their differences{others}"
