"""`ratewright tariffs schema`: the JSON Schema by which editors complete and check tariff files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from server.cli.homes import Overwrite  # noqa: TC001 -- cyclopts reads the annotations

Part = Annotated[bool, Parameter(name="--part", negative="")]
Output = Annotated[Path | None, Parameter(name="--output")]


def schema(
    *,
    part: Part = False,
    output: Output = None,
    overwrite: Overwrite = False,
) -> int:
    """Write the JSON Schema of tariff files, for editors that complete and check while one writes.

    `ratewright tariffs check` finds more than a schema can; docs/tariffs.md shows how to set up an editor.

    Parameters
    ----------
    part
        For one file of a folder, which need not have every field.
    output
        File to write; without it the schema is printed.
    overwrite
        Replace the file if it exists.

    """
    import msgspec

    from billing.store import output_files
    from tariffs.reference import json_schema

    if output is not None:
        output_files.require_free(output, overwrite=overwrite)
    text = msgspec.json.format(msgspec.json.encode(json_schema.of(part=part)), indent=2).decode() + "\n"
    if output is None:
        print(text, end="")
        return 0
    output_files.write(output, text.encode(), overwrite=overwrite)
    print(f"wrote {output}")
    return 0
