"""`ratewright accounts entity add|list`: who issues documents and keeps books."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from server.cli.accounts.common import DryRun  # noqa: TC001 -- cyclopts reads annotations
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place


def add(
    entity: Annotated[str, Parameter(name="ENTITY", help="Its id in accounts.csv.")],
    /,
    *,
    name: Annotated[str, Parameter(help="Its name on documents.")],
    invoice_prefix: Annotated[str, Parameter(help="Prefix of its invoice numbers, such as N.")],
    credit_prefix: Annotated[str, Parameter(help="Prefix of its credit note numbers, such as NC.")],
    dry_run: DryRun = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Add a legal entity, with numbers of its own. What was added never changes."""
    from billing.accounts import entities
    from server.cli.accounts.common import perform

    wanted = entities.Entity(entity, name, invoice_prefix, credit_prefix)
    return perform(at, as_json, dry_run, lambda home, asked: entities.add(home, wanted, asked), lambda changes: changes.add_entity(wanted))


def list_(*, at: Place = HERE, as_json: AsJson = False) -> int:
    """List the legal entities that were added. The one without a name, with R and C, is always there."""
    from billing.accounts import entities
    from server.cli import output

    _, found = done_at(at, entities.list_all, lambda service: service.accounts.entities())
    if as_json:
        output.print_json([each._asdict() for each in found])
        return 0
    output.print_table(("entity", "name", "invoices", "credit notes"), found)
    return 0
