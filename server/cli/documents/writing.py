"""`ratewright documents write`: an invoice or a credit note as a file for the customer."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import Annotated, Literal

from cyclopts import Parameter

from rating.errors import UserError
from server.cli.homes import DEFAULT_HOME, HomeFolder, Overwrite
from server.cli.invoice import InvoiceNumber, full


def write(
    number: InvoiceNumber,
    /,
    *,
    form: Annotated[
        Literal["pdf", "html", "text"], Parameter(name="--format", help="Format of the document; a PDF needs --output.")
    ] = "pdf",
    language: Annotated[
        Literal["en", "de", "zh"] | None, Parameter(name="--language", help="Language of the form; left out: that of the document.")
    ] = None,
    itemised: Annotated[
        Literal["none", "masked", "full"] | None,
        Parameter(name="--itemised", help="Itemised usage as an appendix; left out: as the customer chose."),
    ] = None,
    output: Annotated[Path | None, Parameter(name="--output", help="File to write; without it, the document is printed.")] = None,
    overwrite: Overwrite = False,
    home: HomeFolder = DEFAULT_HOME,
) -> int:
    """Write an invoice or a credit note as PDF, HTML or text, as its customer reads it.

    Texts of the document itself, such as its lines, are in its own language. Missing data, and characters that cannot be shown, are
    warnings.
    """
    from billing.store import output_files
    from billing.store.home import Home
    from server.actions import documents

    if output is not None:
        output_files.require_free(output, overwrite=overwrite)
    elif form == "pdf":
        raise UserError("a PDF is not for the terminal", "name a file: --output invoice.pdf", exit_status=2)
    with Home.open(home) as opened:
        made = documents.written(opened, full(opened, number), form, language, itemised)
    for each in made.findings:
        print(f"warning: {each.place} {each.message}; {each.remedy}", file=sys.stderr)
    if output is None:
        sys.stdout.write(made.content.decode())
        return 0
    output_files.write(output, made.content, overwrite=overwrite)
    print(f"{output}: {made.number}, {form}, {made.language}")
    return 0
