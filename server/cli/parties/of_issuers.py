"""`ratewright entity set|logo|end|retract|show|kinds`: names, addresses, bank accounts, texts and logos of issuers."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- cyclopts reads annotations
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.accounts.common import DryRun, Reason  # noqa: TC001 -- cyclopts reads annotations
from server.cli.homes import DEFAULT_HOME, HERE, AsJson, HomeFolder, Place
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


def logo(
    entity: Entity,
    file: Annotated[Path, Parameter(name="FILE", help="A picture in PNG or plain SVG, at most 1 MB.")],
    /,
    *,
    from_: common.FromDate,
    to: common.ToDate = None,
    dry_run: DryRun = False,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Store a picture, and record it as the logo of a legal entity from a day on.

    It is the field `logo` of the fact `style`; other fields of the style that holds on that day stay as they are.
    """
    from billing.accounts.parties import logos
    from billing.accounts.recording import Asked
    from billing.store.home import Home
    from server import clock, operator
    from server.cli.accounts.common import show_done, span

    content = _picture(file)
    with Home.open(home) as opened:
        asked = Asked(operator.current(), clock.now_us(opened), dry_run)
        done = logos.record(opened, asked, _issuer(entity), content, span(from_, to))
    return show_done(done, as_json=as_json, dry_run=dry_run)


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


def _picture(file: Path) -> bytes:
    """The bytes of a file, one more than a picture may have at most."""
    from billing.accounts.parties.pictures import BYTES_MAX
    from rating.errors import UserError

    try:
        with file.open("rb") as opened:
            return opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}", "give the path of a picture", exit_status=2) from error


def _issuer(entity: str) -> Named:
    from billing.accounts.parties.recording import Named

    return Named(entity=entity_named(entity))


def entity_named(word: str) -> str:
    """The name of the legal entity that a word of a command means."""
    from billing.accounts.parties.recording import NO_NAME

    return "" if word == NO_NAME else word
