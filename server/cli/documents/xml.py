"""`ratewright documents xml`: an invoice or a credit note as an electronic invoice by EN 16931."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, HomeFolder, Overwrite
from server.cli.invoice import InvoiceNumber, full

if TYPE_CHECKING:
    from billing.documents.en16931.norm import Attachment


def xml(
    number: InvoiceNumber,
    *,
    syntax: Annotated[Literal["ubl", "cii"], Parameter(name="--syntax", help="UBL 2.1, or CII D16B.")],
    profile: Annotated[
        Literal["en16931", "xrechnung", "peppol"], Parameter(name="--profile", help="The norm alone, XRechnung 3.0, or Peppol BIS 3.")
    ] = "en16931",
    attach: Annotated[
        tuple[Path, ...], Parameter(name="--attach", help="A file to go within it (PDF, PNG, JPEG, CSV, XLSX, ODS); may be given again.")
    ] = (),
    output: Annotated[Path | None, Parameter(name="--output", help="File to write; without it the XML is printed.")] = None,
    overwrite: Overwrite = False,
    validate: Annotated[
        bool, Parameter(name="--validate", negative="", help="Judge it by the official rules; needs the extra einvoice.")
    ] = False,
    home: HomeFolder = DEFAULT_HOME,
) -> int:
    """Write an invoice or a credit note as XML by EN 16931: UBL 2.1 or CII, for the norm, XRechnung or Peppol.

    Findings (missing data, what the norm cannot say) go to standard error; the XML is made all the same. With --validate the exit status
    is 1 where an official rule is broken. The first note of a practice home's document says that it is one.
    """
    from billing.documents.en16931.rules import Rules
    from billing.documents.en16931.writing import written
    from billing.documents.semantic.invoices import charged
    from billing.documents.semantic.model import Note
    from billing.store import output_files
    from billing.store.home import Home
    from server.cli import practice

    if output is not None:
        output_files.require_free(output, overwrite=overwrite)
    attachments = [_attachment(path) for path in attach]
    with Home.open(home) as opened:
        document = charged(opened, full(opened, number))
        practice_notes = tuple(Note("practice", line) for line in practice.notice(opened, document.language))
    document = msgspec.structs.replace(document, notes=practice_notes + document.notes)
    found = written(document, syntax, profile, attachments=attachments)
    told = [f"{each.place} {each.message}\n  remedy: {each.remedy}" for each in found.findings]
    faults = []
    if validate:
        with Rules() as rules:
            faults = rules.faults(syntax, found.xml)
        told += [f"{each.flag}: {each.text if each.rule in each.text else f'{each.rule}: {each.text}'}" for each in faults]
        told.append(f"{document.number}: {len(faults)} faults by the official rules of EN 16931" if faults else f"{document.number}: valid")
    if output is None:
        print(found.xml.decode(), end="")
    else:
        output_files.write(output, found.xml, overwrite=overwrite)
        print(f"wrote {output}")
    for line in told:
        print(line, file=sys.stderr)
    return 1 if any(each.flag == "fatal" for each in faults) else 0


def _attachment(path: Path) -> Attachment:
    """A file to go within; its kind follows from the end of its name."""
    from billing.documents.en16931.norm import Attachment
    from rating.errors import UserError

    mimes = {
        ".pdf": "application/pdf",
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".csv": "text/csv",
        ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    }
    try:
        return Attachment(path.name, mimes.get(path.suffix.lower(), ""), path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "give the path of a file", exit_status=2) from error
