"""`ratewright tariffs sheet`: the tariff sheet of a plan, as customers read it."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from rating.counted import counted
from rating.errors import UserError
from server.cli.done import done_by, refuse_served
from server.cli.homes import HERE, AsJson, Overwrite, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue
    from server.actions.tariffs.sheets import Rendered, Wanted


def sheet(
    plan: Annotated[str, Parameter(name="PLAN")],
    /,
    *,
    language: Annotated[Literal["en", "zh"], Parameter(name="--language")] = "en",
    lang: Annotated[Literal["en", "zh"] | None, Parameter(name="--lang", show=False)] = None,
    form: Annotated[Literal["text", "html", "pdf"], Parameter(name="--format")] = "text",
    output: Path | None = None,
    overwrite: Overwrite = False,
    as_of: Annotated[str, Parameter(name="--at")] = "",
    catalog: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Write the tariff sheet of a plan: cycle, method, fees, every price with how it is counted, allowances, limits, where to complain.

    Parameters
    ----------
    plan
        Catalogue and plan, such as mobile/smart-m; or mobile@2/smart-m for one version or draft, valid or not.
    language
        Language of the sheet.
    lang
        Former name of --language.
    form
        Format of the sheet; a PDF needs --output.
    output
        File to write; without it, the sheet is printed.
    overwrite
        Replace the file if it exists.
    as_of
        Date, or instant with offset, on which the sheet shall be valid; now when left out.
    catalog
        Tariff file or folder to read; may be repeated. By default the published catalogues of the home folder.
    at
        Home folder, or the service.
    as_json
        Print the parts of the sheet as JSON, each price with the event that a quote of it needs.

    """
    from billing.store import output_files
    from server.actions.tariffs import sheets

    if output is not None and not as_json:
        output_files.require_free(output, overwrite=overwrite)
    if form == "pdf" and output is None and not as_json:
        raise UserError("a PDF is not for the terminal", "name a file: --output sheet.pdf", exit_status=2)
    if catalog:
        refuse_served(at.server, "--catalog")
    wanted, made_as = sheets.parse(plan), sheets.JSON if as_json else form
    made = done_by(
        at,
        lambda: _made(wanted, lang or language, as_of, catalog, at.home, made_as),
        lambda service: service.tariffs.sheet(plan, lang or language, as_of, made_as),
    )
    if as_json:
        import msgspec

        from server.cli import output as printing

        printing.print_json(msgspec.Raw(made.content))
        return 0
    _write(made, form, output, overwrite=overwrite)
    return 0


def _made(wanted: Wanted, language: str, as_of: str, catalog: Sequence[Path], home: Path, form: str) -> Rendered:
    """The sheet of files, or of the home folder."""
    from server.actions.tariffs import sheets
    from server.cli.tariffs.instants import read

    chosen = sheets.choose(_known(wanted, catalog, home), wanted)
    asked_us = read(as_of, chosen.timezone, "--at") if as_of else None
    at_us = _now_us(catalog, home) if asked_us is None else asked_us
    return sheets.render(sheets.make(chosen, language, at_us, coming=bool(catalog) and asked_us is None), form)


def _known(wanted: Wanted, paths: Sequence[Path], home: Path) -> Sequence[Catalogue]:
    """The versions of files, or of the home folder."""
    if paths:
        from tariffs.reading.load import load

        return [load(path) for path in paths]
    from billing.store.home import Home
    from server.actions.tariffs import sheets

    with Home.open(home) as opened:
        return sheets.of_home(opened, wanted)


def _now_us(catalog: Sequence[Path], home: Path) -> int:
    """Now in the home; of files by themselves on the machine."""
    from server import clock

    if catalog:
        return clock.machine_now_us()
    from billing.store.home import Home

    with Home.open(home) as opened:
        return clock.now_us(opened)


def _write(made: Rendered, form: str, output: Path | None, *, overwrite: bool) -> None:
    """The sheet as a file, or printed."""
    from billing.store import output_files
    from server.actions.tariffs import sheets
    from server.cli.output import printable

    written = made.content
    if form == sheets.TEXT:
        written = "\n".join(printable(line) for line in written.decode().split("\n")).encode()
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
        return
    output_files.write(output, written, overwrite=overwrite)
    print(printable(f"{output}: {made.title}, {counted(made.price_count, 'price')}, {form}"))
