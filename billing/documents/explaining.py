"""Every line of a document in words and figures, in Chinese or English: an explanation is added up again, or it is not shown.

A line of an invoice, or of a credit note of a re-rating, is a difference: the amount due on its charge key less the amount billed on it by
earlier documents. The amount due is recomputed from what the run knew, part by part (`parts`). Two sums are checked: the parts against the
amount due, and that less the billed amount against the line. Tax of an interim bill is on what was billed with it and before: fees and
discounts wait for the cycle.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import sqlalchemy as sa

from billing.charges.charge_keys import Kind
from billing.charges.lines import part_half_up
from billing.charges.reasons import reasons
from billing.charges.taxes.inclusive import added_tax
from billing.documents.aftermath import replaced
from billing.documents.due import due_of
from billing.documents.finding import Document, find, lines_of, voided_of
from billing.documents.parts import KINDS, ExplainedLine, Explanation
from billing.documents.run_inputs import WORKED_OUT, billed_seq
from billing.documents.showing.names import names_of
from billing.documents.showing.passes import passes_by_line
from billing.documents.words import WORDS
from billing.invoicing.billed import OUTSIDE
from billing.invoicing.corrections import key_of
from billing.invoicing.forms import CREDIT_NOTE, INVOICE, OPENING
from billing.runs import states
from billing.store import tables
from billing.store.voids import voided
from rating.dates import day_number, last_day
from rating.errors import UserError
from rating.explain.figures import percent
from rating.money import format_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.documents.due import Due
    from billing.documents.parts import Words
    from billing.documents.showing.passes import Passes
    from billing.store.home import Home


class LineExplained(msgspec.Struct, frozen=True):
    """A line, and the sentences that lead to its amount. `due_micros`: net, on its charge key; `before_micros`: billed on it earlier."""

    line_no: int
    kind: str
    text: str
    amount_micros: int
    due_micros: int
    before_micros: int
    sentences: tuple[str, ...]


class Explained(msgspec.Struct, frozen=True):
    """A document: `head` and `foot` are sentences about all of it. `run_kind`: cycle, threshold, rerate, credit_note, opening."""

    number: str
    document_type: str
    run_kind: str
    currency: str
    head: tuple[str, ...]
    lines: tuple[LineExplained, ...]
    foot: tuple[str, ...]


def explain(home: Home, number: str, line_no: int | None = None, language: str = "en") -> Explained:
    """Explain all lines of a document, or one. Raises UserError where there is none, or where its parts do not add up to its amount."""
    words = WORDS[language]
    with home.connect() as connection:
        document = find(connection, number)
        rows = lines_of(connection, document.invoice_key)
        void = voided_of(connection, document.invoice_key)
        worked_out = document.run_kind in WORKED_OUT
        before = _known_then(connection, document, billed_seq(connection, document)) if worked_out else []
        replaced_before = replaced(connection, document.invoice_key)
        credited, reason = _about(connection, document, language)
    chosen = [row for row in rows if line_no is None or row.line_no == line_no]
    chosen.sort(key=lambda row: (row.kind == "tax", not row.subscription_key))  # as `in_page_order`
    if not chosen:
        raise UserError(f"{number} has no line {line_no}", f"`ratewright invoice show {number}` shows its lines")
    if worked_out:
        with home.connect() as connection:
            names = names_of(home, connection, document, chosen, language)
        due, passes = due_of(home, document), passes_by_line(home, document, chosen, names)
        lines = tuple(
            _with_passes(_of_invoice(document, row, due, rows, before, words), passes.get(row.line_no, ()), words) for row in chosen
        )
    else:
        lines = tuple(_of_other(document, row, credited, reason, words) for row in chosen)
    foot = [] if line_no is not None else [_total(document, rows, words)]
    foot += [words["replaces"].format(number=each.number, date=each.voided_on) for each in replaced_before]
    if void is not None:
        sentence = words["void_agreed" if void.agreed_by else "void"]
        foot.append(sentence.format(date=void.on_date, by=void.by_name, agreed_by=void.agreed_by, reason=void.reason))
    return Explained(number, document.document_type, document.run_kind, document.currency, (_head(document, words),), lines, tuple(foot))


def _with_passes(line: LineExplained, passes: Sequence[Passes], words: Words) -> LineExplained:
    """The line, with the day passes that its charges hold."""
    told = [words["passes"].format(times=each.times, name=each.name, fees=format_micros(each.fees_micros)) for each in passes]
    return msgspec.structs.replace(line, sentences=(*line.sentences, *told)) if told else line


def _known_then(connection: sa.Connection, document: Document, seq: int) -> list[Any]:
    """Lines that counted as billed when the run of a document began, as of `seq`."""
    invoice = tables.invoices.c
    old = sa.select(invoice.invoice_key).where(invoice.commit_seq <= seq, invoice.account_key == document.account_key)
    old = old.where(invoice.invoice_key.not_in(voided(as_of=seq)), sa.func.coalesce(invoice.document_type, INVOICE) != OPENING)
    line = tables.invoice_lines
    query = sa.select(line, invoice.number).join_from(line, tables.invoices).where(line.c.invoice_key.in_(old))
    query = query.where(line.c.effect.is_(None) | (line.c.effect != OUTSIDE))
    return list(connection.execute(query.order_by(line.c.invoice_key, line.c.line_no)))


def _about(connection: sa.Connection, document: Document, language: str) -> tuple[str, str]:
    """The invoice that a credit note is about, and the reason for which it was given."""
    if document.document_type != CREDIT_NOTE:
        return "", ""
    invoice, run = tables.invoices.c, tables.bill_runs.c
    about = sa.select(invoice.corrects_invoice_key).where(invoice.invoice_key == document.invoice_key).scalar_subquery()
    number = connection.execute(sa.select(invoice.number).where(invoice.invoice_key == about)).scalar_one_or_none()
    detail = connection.execute(sa.select(run.detail).where(run.run_id == document.run_id)).scalar_one_or_none()
    told = msgspec.json.decode(detail or "{}")
    known = reasons().get(told.get("reason_code", ""))
    return number or "", "; ".join(each for each in (known.name(language) if known else "", told.get("text", "")) if each)


def _head(document: Document, words: Words) -> str:
    kind = {INVOICE: "invoice", CREDIT_NOTE: "credit_note"}.get(document.document_type, "opening_document")
    dates = {"first": document.period_from, "last": last_day(document.period_to)}
    return words["head"].format(document=words[kind], number=document.number, account=document.account_id, **dates)


def _of_other(document: Document, row: Any, credited: str, reason: str, words: Words) -> LineExplained:  # noqa: ANN401 -- a row of the database
    """A line of a credit note or an opening document."""
    amount = int(row.amount_micros)
    if document.document_type == CREDIT_NOTE:
        sentence = words["credit"].format(number=credited, effect=words[row.effect], amount=format_micros(amount), reason=reason)
    else:
        sentence = words["opening"].format(amount=format_micros(amount))
    return LineExplained(row.line_no, row.kind, row.text, amount, amount, 0, (sentence,))


def _of_invoice(  # noqa: PLR0913, PLR0917 -- the line, and what it is compared with
    document: Document,
    row: Any,  # noqa: ANN401 -- a row of the database
    due: Due,
    rows: Sequence[Any],
    before: Sequence[Any],
    words: Words,
) -> LineExplained:
    """A line that is the amount due less the amount billed `before`; `rows` are all lines of its document."""
    key = key_of(row)
    billed = [each for each in before if key_of(each) == key]
    billed_micros = sum(int(each.amount_micros) for each in billed)
    if row.kind != "tax":
        told = _charge(document, row, due, words)
    elif document.run_kind == states.THRESHOLD:
        told = _tax_inside(before, rows, row, due, words) or _tax_on([*before, *rows], row, due, words)
    else:
        told = _tax(row, due, words)
    if row.kind == "tax" and document.run_kind != states.THRESHOLD and told.amount_micros - billed_micros != int(row.amount_micros):
        told, billed, billed_micros = _tax_on(rows, row, due, words), [], 0  # others differ as well: the tax of what is charged here
    sentences = [
        *told.sentences,
        *(words["before"].format(number=each.number, amount=format_micros(each.amount_micros)) for each in billed),
    ]
    if billed:
        sums = {"due": told.amount_micros, "before": billed_micros, "amount": int(row.amount_micros)}
        sentences.append(words["difference"].format(**{name: format_micros(micros) for name, micros in sums.items()}))
    _require(document, row, told.amount_micros - billed_micros, int(row.amount_micros))
    return LineExplained(row.line_no, row.kind, row.text, int(row.amount_micros), told.amount_micros, billed_micros, tuple(sentences))


def _charge(document: Document, row: Any, due: Due, words: Words) -> Explanation:  # noqa: ANN401 -- a row of the database
    """The amount due for a charge, without the tax that its price may hold."""
    places = due.places(key_of(row))
    sentences: list[str] = [] if places else [words["gone"]]
    for place in places:
        told = KINDS[row.kind](ExplainedLine(due, place, row, words, row.text))
        gross, net = int(due.lines["amount_micros"][place]), int(due.net_micros[place])
        _require(document, row, told.amount_micros, gross)
        sentences += told.sentences
        if due.lines["inclusive"][place]:
            sentences.append(words["net_of_gross"].format(gross=format_micros(gross), net=format_micros(net)))
    return Explanation(sentences, int(due.net_micros[places].sum()))


def _tax(row: Any, due: Due, words: Words) -> Explanation:  # noqa: ANN401 -- a row of the database
    """Tax: base times rate, of prices that hold none; and the tax that the others hold."""
    dates = {name: day_number(dt.date.fromisoformat(getattr(row, name))) for name in ("period_from", "period_to")}
    own = due.where(account_key=row.account_key, tax_class=row.tax_class, **dates)
    own = own[due.lines["kind"][own] != Kind.TAX]
    sentences, total = [], 0
    for inclusive, rate in sorted({(int(due.lines["inclusive"][at]), int(due.lines["rate_ppm"][at])) for at in own.tolist()}):
        rows = own[(due.lines["inclusive"][own] == inclusive) & (due.lines["rate_ppm"][own] == rate)]
        if not rate:
            continue
        gross, net = int(due.lines["amount_micros"][rows].sum()), int(due.net_micros[rows].sum())
        step = np.array([due.step(int(rows[0]))], np.int64)
        amount = gross - net if inclusive else int(part_half_up(np.array([net], np.int64), rate, step)[0])
        figures = {"base": net, "gross": gross, "net": net, "amount": amount}
        shown = {name: format_micros(micros) for name, micros in figures.items()}
        sentences.append(words["tax_inside" if inclusive else "tax"].format(rate=percent(rate), **shown))
        total += amount
    return Explanation(sentences or [words["no_tax"]], total)


def _tax_inside(before: Sequence[Any], rows: Sequence[Any], row: Any, due: Due, words: Words) -> Explanation | None:  # noqa: ANN401 -- a row of the database
    """Tax of an interim bill, where any of the prices hold theirs (see `interim_lines`)."""
    labels = ("period_from", "period_to", "tax_class")
    billed, own = ([each for each in some if all(getattr(each, name) == getattr(row, name) for name in labels)] for some in (before, rows))
    every = {key_of(each): due.places(key_of(each)) for each in own if each.kind != "tax"}
    places = {key: found for key, found in every.items() if due.lines["inclusive"][found].any()}
    held, beside = ([at for found in places.values() for at in found if due.lines["inclusive"][at] == value] for value in (1, 0))
    if not held:
        return None

    def total(lines: Sequence[Any], *, is_held: bool) -> int:
        return sum(int(each.amount_micros) for each in lines if each.kind != "tax" and (key_of(each) in places) is is_held)

    done = sum(int(each.amount_micros) for each in billed if each.kind == "tax")
    inside = int((due.lines["amount_micros"][held] - due.net_micros[held]).sum())
    known = (inside, total(billed, is_held=True), total(billed, is_held=False), done, due.lines["rate_ppm"][held[0]], due.step(held[0]))
    columns = [np.array([each], np.int64) for each in known]
    base = total(own, is_held=False) + int(due.net_micros[beside].sum())
    others = int(part_half_up(np.array([base], np.int64), *columns[4:])[0])
    amount = done + int(added_tax(*columns)[0])
    net = sum(total(lines, is_held=is_held) for lines in (billed, own) for is_held in (True, False)) - base
    rate, figures = percent(int(known[4])), {"gross": net + amount, "net": net, "amount": amount}
    sentences = [words["tax_inside"].format(rate=rate, **{name: format_micros(micros) for name, micros in figures.items()})]
    if base:
        sentences.append(words["tax"].format(rate=rate, base=format_micros(base), amount=format_micros(others)))
    return Explanation(sentences, amount + others)


def _tax_on(lines: Sequence[Any], row: Any, due: Due, words: Words) -> Explanation:  # noqa: ANN401 -- a row of the database
    """Tax on stored lines, which are net."""
    labels = ("period_from", "period_to", "tax_class")
    own = [each for each in lines if each.kind != "tax" and all(getattr(each, name) == getattr(row, name) for name in labels)]
    base = sum(int(each.amount_micros) for each in own)
    known = due.where(account_key=row.account_key, tax_class=row.tax_class, period_from=day_number(dt.date.fromisoformat(row.period_from)))
    if not known.size:
        return Explanation([words["no_tax"]], 0)
    rate, step = int(due.lines["rate_ppm"][known[0]]), np.array([due.step(int(known[0]))], np.int64)
    amount = int(part_half_up(np.array([base], np.int64), rate, step)[0])
    return Explanation([words["tax"].format(rate=percent(rate), base=format_micros(base), amount=format_micros(amount))], amount)


def _total(document: Document, rows: Sequence[Any], words: Words) -> str:
    """The totals, added up from the lines."""
    tax = sum(int(row.amount_micros) for row in rows if row.kind == "tax")
    net = sum(int(row.amount_micros) for row in rows) - tax
    if (net, tax, net + tax) != (document.net_micros, document.tax_micros, document.total_micros):
        raise UserError(f"the lines of {document.number} do not add up to its total", "run `ratewright ledger check` and report it")
    figures = {"net": format_micros(net), "tax": format_micros(tax), "total": format_micros(net + tax)}
    return words["total"].format(**figures, currency=document.currency)


def _require(document: Document, row: Any, found_micros: int, wanted_micros: int) -> None:  # noqa: ANN401 -- a row of the database
    if found_micros != wanted_micros:
        raise UserError(
            f"line {row.line_no} of {document.number} cannot be explained: its parts add up to {format_micros(found_micros)}, "
            f"not {format_micros(wanted_micros)}",
            "a period that is not open any more cannot be worked out again",
        )
