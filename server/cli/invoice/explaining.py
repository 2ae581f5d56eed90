"""`ratewright invoice explain`."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder
from server.cli.invoice import InvoiceNumber  # noqa: TC001 -- cyclopts reads the annotations when the command runs

if TYPE_CHECKING:
    from billing.documents.explaining import Explained
    from billing.verification.explain_line import LineExplained


def explain(
    number: InvoiceNumber,
    line: Annotated[int | None, Parameter(name="LINE", help="Number of the line, from 1; all lines by default.")] = None,
    /,
    *,
    limit: Annotated[int, Parameter(help="Events of a usage line to explain, from the first.")] = 1,
    language: Annotated[Literal["en", "zh"], Parameter(help="Language.")] = "en",
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Explain an invoice, or one line of it, in words and figures that add up; of a usage line also its events with their increments."""
    from billing.store.home import Home
    from server.actions import invoices
    from server.cli import output, practice

    with Home.open(home) as opened:
        found, events = invoices.explain(opened, number, line, language)
    if as_json:
        output.print_json(practice.marked(opened, found if events is None else _with_events(found, events, limit)))
        return 0
    output.print_lines([*practice.notice(opened, language), *_page(found, language)])
    if events is not None:
        _print_events(events, limit, language)
    return 0


def _page(found: Explained, language: str) -> list[str]:
    from billing.documents.words import WORDS
    from server.cli import output

    lines = list(found.head)
    for each in found.lines:
        figures = {"line": each.line_no, "text": each.text, "amount": output.amount(each.amount_micros, found.currency)}
        lines += ["", WORDS[language]["line"].format(**figures, currency=found.currency), *(f"  {sentence}" for sentence in each.sentences)]
    return [*lines, *(["", *found.foot] if found.foot else [])]


def _print_events(events: LineExplained, limit: int, language: str) -> None:
    from rating import explain as explained
    from server.actions.enquiries import rerated as rerated_page
    from server.cli import output
    from server.cli.pages import invoice

    print()
    on_top = rerated_page.sentences(events.run_id, events.rerated, language)
    output.print_lines([*invoice.explained_head(events, language)[1:], *on_top])
    for outcome in events.outcomes[:limit]:
        print()
        output.print_lines([explained.as_text(outcome, language)])
    if len(events.outcomes) > limit:
        more = f"{len(events.outcomes) - limit:,}"
        output.print_lines(["", f"{more} more: --limit" if language == "en" else f"另有 {more} 条：请用 --limit"])


def _with_events(found: Explained, events: LineExplained, limit: int) -> dict[str, object]:
    """The line with its first events."""
    from rating import explain as explained

    line = found.lines[0]
    figures = {"number": found.number, "line_no": line.line_no, "text": line.text, "amount_micros": line.amount_micros}
    told = {"due_micros": line.due_micros, "before_micros": line.before_micros, "sentences": line.sentences}
    shown = [explained.as_json(outcome) for outcome in events.outcomes[:limit]]
    return {
        **figures,
        **told,
        "exact_micros": events.exact_micros,
        "events_total": len(events.outcomes),
        "events": shown,
        "rerated": events.rerated,
    }
