"""`ratewright tariffs sheet`: the tariff sheet of a plan, as customers read it."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 -- cyclopts reads the annotations when the command runs
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from rating.counted import counted
from rating.errors import UserError
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder, Overwrite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rating.model import Catalogue
    from server.actions.tariffs.sheets import Wanted
    from tariffs.sheets.layout import Sheet


def sheet(
    plan: Annotated[str, Parameter(name="PLAN")],
    /,
    *,
    language: Annotated[Literal["en", "zh"], Parameter(name="--language")] = "en",
    lang: Annotated[Literal["en", "zh"] | None, Parameter(name="--lang", show=False)] = None,
    form: Annotated[Literal["text", "html", "pdf"], Parameter(name="--format")] = "text",
    output: Path | None = None,
    overwrite: Overwrite = False,
    at: str = "",
    catalog: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    home: HomeFolder = DEFAULT_HOME,
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
    at
        Date, or instant with offset, on which the sheet shall be valid; now when left out.
    catalog
        Tariff file or folder to read; may be repeated. By default the published catalogues of the home folder.
    home
        Home folder with published catalogues.
    as_json
        Print the parts of the sheet as JSON, each price with the event that a quote of it needs.

    """
    from billing.store import output_files
    from server.actions.tariffs import sheets
    from server.cli.tariffs.instants import read

    if output is not None and not as_json:
        output_files.require_free(output, overwrite=overwrite)
    if form == "pdf" and output is None and not as_json:
        raise UserError("a PDF is not for the terminal", "name a file: --output sheet.pdf", exit_status=2)
    wanted = sheets.parse(plan)
    chosen = sheets.choose(_known(wanted, catalog, home), wanted)
    asked_us = read(at, chosen.timezone, "--at") if at else None
    at_us = _now_us(catalog, home) if asked_us is None else asked_us
    made = sheets.make(chosen, lang or language, at_us, coming=bool(catalog) and asked_us is None)
    if as_json:
        from server.cli import output as printing

        printing.print_json(made)
        return 0
    _write(made, form, output, overwrite=overwrite)
    return 0


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


def _write(made: Sheet, form: str, output: Path | None, *, overwrite: bool) -> None:
    """The sheet as a file, or printed."""
    from billing.store import output_files
    from server.actions.tariffs import sheets
    from server.cli.output import printable

    written = sheets.render(made, form)
    if form == sheets.TEXT:
        written = "\n".join(printable(line) for line in written.decode().split("\n")).encode()
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
        return
    output_files.write(output, written, overwrite=overwrite)
    print(printable(f"{output}: {made.title}, {counted(len(made.cells), 'price')}, {form}"))
