"""`ratewright tariffs schema`: the JSON Schema by which editors complete and check tariff files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rating.errors import UserError

Part = Annotated[bool, Parameter(name="--part", negative="")]
Output = Annotated[Path | None, Parameter(name="--output")]


def schema(
    *,
    part: Part = False,
    output: Output = None,
) -> int:
    """Write the JSON Schema of tariff files, for editors that complete and check while one writes.

    `ratewright tariffs check` says more than a schema can; docs/tariffs.md shows how to tell an editor.

    Parameters
    ----------
    part
        For one file of a folder, which need not have every field.
    output
        File to write; without it the schema is printed.

    """
    import msgspec

    from tariffs.reference import json_schema

    text = msgspec.json.format(msgspec.json.encode(json_schema.of(part=part)), indent=2).decode() + "\n"
    if output is None:
        print(text, end="")
        return 0
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror}", "name a file in a folder that is there") from None
    print(f"wrote {output}")
    return 0
