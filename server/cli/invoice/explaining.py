"""`ratewright invoice explain`."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.invoice import InvoiceNumber  # noqa: TC001 -- cyclopts reads the annotations when the command runs

if TYPE_CHECKING:
    from billing.documents.explaining import Explained
    from server.actions.invoices import Events


def explain(
    number: InvoiceNumber,
    line: Annotated[int | None, Parameter(name="LINE", help="Number of the line, from 1; all lines by default.")] = None,
    /,
    *,
    limit: Annotated[int, Parameter(help="Events of a usage line to explain, from the first.")] = 1,
    language: Annotated[Literal["en", "zh"], Parameter(help="Language.")] = "en",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Explain an invoice, or one line of it, in words and figures that add up; of a usage line also its events with their increments."""
    from server.actions import invoices
    from server.cli import output, practice

    opened, (found, events) = done_at(
        at,
        lambda home: invoices.explain(home, number, line, language, limit),
        lambda service: service.explanations.explain(number, line, language, limit),
    )
    if as_json:
        output.print_json(practice.marked(opened, found if events is None else _with_events(found, events)))
        return 0
    output.print_lines([*practice.notice(opened, language), *_page(found, language)])
    if events is not None:
        _print_events(events, found.currency, language)
    return 0


def _page(found: Explained, language: str) -> list[str]:
    from billing.documents.words import WORDS
    from server.cli import output

    lines = list(found.head)
    for each in found.lines:
        figures = {"line": each.line_no, "text": each.text, "amount": output.amount(each.amount_micros, found.currency)}
        lines += ["", WORDS[language]["line"].format(**figures, currency=found.currency), *(f"  {sentence}" for sentence in each.sentences)]
    return [*lines, *(["", *found.foot] if found.foot else [])]


def _print_events(events: Events, currency: str, language: str) -> None:
    from server.actions.enquiries import rerated as rerated_page
    from server.cli import output
    from server.cli.pages import invoice

    print()
    on_top = rerated_page.sentences(events.run_id, events.rerated, language)
    output.print_lines([invoice.events_head(events.total, events.exact_micros, currency, language), *on_top])
    for text in events.texts:
        print()
        output.print_lines([text])
    if events.total > len(events.texts):
        more = f"{events.total - len(events.texts):,}"
        output.print_lines(["", f"{more} more: --limit" if language == "en" else f"另有 {more} 条：请用 --limit"])


def _with_events(found: Explained, events: Events) -> dict[str, object]:
    """The line with its first events."""
    line = found.lines[0]
    figures = {"number": found.number, "line_no": line.line_no, "text": line.text, "amount_micros": line.amount_micros}
    told = {"due_micros": line.due_micros, "before_micros": line.before_micros, "sentences": line.sentences}
    return {
        **figures,
        **told,
        "exact_micros": events.exact_micros,
        "events_total": events.total,
        "events": events.objects,
        "rerated": events.rerated,
    }
