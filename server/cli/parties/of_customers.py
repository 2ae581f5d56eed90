"""`ratewright party set|end|retract|show|kinds`: names, addresses and more of customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.cli.accounts.common import AccountId, DryRun, Reason  # noqa: TC001 -- cyclopts reads annotations
from server.cli.homes import HERE, AsJson, Place
from server.cli.parties import common

if TYPE_CHECKING:
    from billing.accounts.parties.recording import Named


def set_(
    account: AccountId,
    kind: common.Kind,
    /,
    *words: common.Word,
    from_: common.FromDate,
    to: common.ToDate = None,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Record a fact about the customer of an account, from a day on.

    `ratewright party set ACCOUNT KIND [NAME] --from DATE FIELD=VALUE ...`; `party kinds KIND` shows the fields of a kind, with an example.
    A text by language is written `texts.en=...`. A fact of the same kind, name and first day is replaced.
    """
    return common.set_(at, as_json, dry_run, _customer(account), kind, words, (from_, to))


def end(
    account: AccountId,
    kind: common.Kind,
    name: common.Name = "",
    /,
    *,
    on: common.LastDay,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """End what holds of a kind and name; --on is the last day on which it holds."""
    return common.end(at, as_json, dry_run, _customer(account), kind, name, on)


def retract(
    account: AccountId,
    fact: common.FactId,
    /,
    *,
    reason: Reason,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Retract a fact about the customer of an account, and what it replaced: it counts as if it had never been recorded."""
    return common.retract(at, as_json, dry_run, _customer(account), fact, reason)


def show(
    account: AccountId,
    /,
    *,
    as_of: common.AsOf = None,
    show_all: common.All = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show the facts that hold of the customer of an account on a day, or every one."""
    return common.show(at, as_json, _customer(account), as_of, show_all=show_all)


def kinds(kind: common.KindOrNone = "", /, *, as_json: AsJson = False) -> int:
    """List the kinds of facts about the customer of an account, or the fields of one with an example."""
    return common.kinds(kind, of_customer=True, as_json=as_json)


def _customer(account: str) -> Named:
    from billing.accounts.parties.recording import Named

    return Named(account)
