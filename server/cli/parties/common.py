"""The commands of `ratewright party` and `ratewright entity`: both do the same with another party."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from server.cli.accounts.common import date, date_or_none, show_done, span
from server.cli.done import done_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.accounts.parties.recording import Named
    from billing.accounts.recording import Asked, Done
    from billing.store.home import Home
    from server.actions.parties import Line
    from server.cli.homes import Place
    from server.cli.remote.accounts.parties import PartyChanges

Kind = Annotated[str, Parameter(name="KIND", help="Such as identity or address; `kinds` lists them.")]
KindOrNone = Annotated[str, Parameter(name="KIND", help="A kind whose fields are shown; left out: all kinds.")]
Word = Annotated[
    str,
    Parameter(name="NAME-AND-FIELDS", help="The name, where the kind has names, such as billing; then FIELD=VALUE, such as city=Berlin."),
]
Name = Annotated[str, Parameter(name="NAME", help="The name, where the kind has names, such as billing.")]
FactId = Annotated[int, Parameter(name="FACT", help="The fact's number, as `show --all` lists it.")]
FromDate = Annotated[str, Parameter(name="--from", help="First day, such as 2026-01-31.")]
ToDate = Annotated[str | None, Parameter(name="--to", help="Last day on which it holds, included; left out: no end.")]
LastDay = Annotated[str, Parameter(name="--on", help="The last day on which it holds.")]
AsOf = Annotated[str | None, Parameter(name="--as-of", help="The day that is shown; left out: today.")]
All = Annotated[bool, Parameter(name="--all", negative="", help="Every fact with its number and span, also past and coming ones.")]


def set_(
    at: Place,
    as_json: bool,  # noqa: FBT001 -- an option of a command
    dry_run: bool,  # noqa: FBT001 -- an option of a command
    party: Named,
    kind: str,
    words: tuple[str, ...],
    days: tuple[str, str | None],
) -> int:
    """Record a fact. Its fields are read first, the same way here and with a service."""
    from billing.accounts.parties import recording
    from server.actions import parties

    name, fields = (words[0], words[1:]) if words and "=" not in words[0] else ("", words)
    fact = parties.new_fact(party, kind, name, span(*days), parties.values_of(fields, kind))
    return _perform(
        at, as_json, dry_run, lambda home, asked: recording.record(home, asked, party, fact), lambda there: there.record(party, fact)
    )


def end(
    at: Place,
    as_json: bool,  # noqa: FBT001 -- an option of a command
    dry_run: bool,  # noqa: FBT001 -- an option of a command
    party: Named,
    kind: str,
    name: str,
    on: str,
) -> int:
    """End what holds of a kind and name."""
    from billing.accounts.parties import recording

    last = date(on, "--on")
    return _perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: recording.end(home, asked, party, kind, name, last),
        lambda there: there.end(party, kind, name, last),
    )


def retract(
    at: Place,
    as_json: bool,  # noqa: FBT001 -- an option of a command
    dry_run: bool,  # noqa: FBT001 -- an option of a command
    party: Named,
    fact: int,
    reason: str,
) -> int:
    """Retract a fact."""
    from billing.accounts.parties import recording

    return _perform(
        at,
        as_json,
        dry_run,
        lambda home, asked: recording.retract(home, asked, party, fact, reason),
        lambda there: there.retract(party, fact, reason),
    )


def show(
    at: Place,
    as_json: bool,  # noqa: FBT001 -- an option of a command
    party: Named,
    as_of: str | None,
    *,
    show_all: bool,
) -> int:
    """Show the facts of a party."""
    from server import clock
    from server.actions import parties
    from server.cli import output

    day = date_or_none(as_of, "--as-of")
    _, found = done_at(
        at,
        lambda home: parties.show(home, party, day, clock.now_us(home), show_all=show_all),
        lambda service: service.parties.show(party, day, show_all=show_all),
    )
    if as_json:
        output.print_json({**found._asdict(), "facts": [each._asdict() for each in found.facts]})
        return 0
    if not found.facts:
        print(f"{found.party} has no facts" if show_all else f"{found.party} has no facts on {found.as_of}")
        return 0
    if show_all:
        columns = ("fact", "kind", "name", "from", "to", "says", "recorded by")
        rows: list[tuple[object, ...]] = [
            (each.fact_id, each.kind, each.name, each.from_date, output.last_day(each.to_date), each.says, each.recorded_by)
            for each in found.facts
        ]
        output.print_table(columns, rows, right=("fact",))
        return 0
    output.print_table(("kind", "name", f"on {found.as_of}", "since", "recorded by"), list(map(_on_day, found.facts)))
    return 0


def kinds(kind: str, *, of_customer: bool, as_json: bool) -> int:
    """List kinds, or show one with its fields and an example."""
    from billing.accounts.parties import examples, recording
    from billing.accounts.parties.kinds import fields_of, names_of, words_of
    from server.actions.parties import ANY_CUSTOMER, ANY_ISSUER
    from server.cli import output

    party = ANY_CUSTOMER if of_customer else ANY_ISSUER
    if kind:
        struct = recording.struct_of(party, kind)
        fields = fields_of(struct, of_customer=of_customer)
        example = shlex.join(examples.words(kind, of_customer=of_customer))
        if as_json:
            shown = [
                {
                    "name": each.name,
                    "needed": each.is_needed,
                    "characters_max": each.most or None,
                    "term": each.term,
                    "says": each.says,
                }
                for each in fields
            ]
            output.print_json({"kind": kind, "names": names_of(struct), "fields": shown, "example": example})
            return 0
        rows = [(each.name, "yes" if each.is_needed else "", each.most or "", each.term, each.says) for each in fields]
        output.print_table(("field", "needed", "at most", "EN 16931", "what it is"), rows, right=("at most",))
        print(f"\n{example}")
        return 0
    told = [(name, names_of(struct), words_of(struct)) for name, struct in party.kinds.items()]
    if as_json:
        output.print_json([{"kind": name, "names": names, "says": says} for name, names, says in told])
        return 0
    output.print_table(("kind", "name", "what it is"), told)
    return 0


def _on_day(line: Line) -> tuple[object, ...]:
    return line.kind, line.name, line.says, line.from_date, line.recorded_by


def _perform(
    at: Place,
    as_json: bool,  # noqa: FBT001 -- an option of a command
    dry_run: bool,  # noqa: FBT001 -- an option of a command
    here: Callable[[Home, Asked], Done],
    there: Callable[[PartyChanges], Done],
) -> int:
    """Do what a command asks for, `here` in a home or `there` by a service, and print the result."""
    from billing.accounts.recording import Asked
    from server import clock, operator

    _, done = done_at(
        at,
        lambda home: here(home, Asked(operator.current(), clock.now_us(home), dry_run)),
        lambda service: there(service.party_changes(dry_run=dry_run)),
    )
    return show_done(done, as_json=as_json, dry_run=dry_run)
