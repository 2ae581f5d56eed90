"""`ratewright entity set|end|retract|show|kinds`: names, addresses, bank accounts and texts of issuers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.accounts.common import DryRun, Reason  # noqa: TC001 -- cyclopts reads annotations
from server.cli.homes import HERE, AsJson, Place
from server.cli.parties import common

if TYPE_CHECKING:
    from billing.accounts.parties.recording import Named

Entity = Annotated[
    str,
    Parameter(
        name="ENTITY",
        allow_leading_hyphen=True,
        help="A legal entity, as `accounts entity list` has it; - is the one without a name.",
    ),
]


def set_(
    entity: Entity,
    kind: common.Kind,
    /,
    *words: common.Word,
    from_: common.FromDate,
    to: common.ToDate = None,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Record a fact about a legal entity, from a day on.

    `ratewright entity set ENTITY KIND [NAME] --from DATE FIELD=VALUE ...`; `entity kinds KIND` shows the fields of a kind, with an example.
    A text by language is written `texts.en=...`. A fact of the same kind, name and first day is replaced.
    """
    return common.set_(at, as_json, dry_run, _issuer(entity), kind, words, (from_, to))


def end(
    entity: Entity,
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
    return common.end(at, as_json, dry_run, _issuer(entity), kind, name, on)


def retract(
    entity: Entity,
    fact: common.FactId,
    /,
    *,
    reason: Reason,
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Retract a fact about a legal entity, and what it replaced: it counts as if it had never been recorded."""
    return common.retract(at, as_json, dry_run, _issuer(entity), fact, reason)


def show(
    entity: Entity,
    /,
    *,
    as_of: common.AsOf = None,
    show_all: common.All = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show the facts that hold of a legal entity on a day, or every one."""
    return common.show(at, as_json, _issuer(entity), as_of, show_all=show_all)


def kinds(kind: common.KindOrNone = "", /, *, as_json: AsJson = False) -> int:
    """List the kinds of facts about a legal entity, or the fields of one with an example."""
    return common.kinds(kind, of_customer=False, as_json=as_json)


def _issuer(entity: str) -> Named:
    from billing.accounts.parties.recording import Named

    return Named(entity=entity_named(entity))


def entity_named(word: str) -> str:
    """The name of the legal entity that a word of a command means."""
    from billing.accounts.parties.recording import NO_NAME

    return "" if word == NO_NAME else word
