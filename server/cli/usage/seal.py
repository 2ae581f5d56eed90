"""`ratewright usage seal`: the journal into Parquet."""

from __future__ import annotations

from rating.counted import counted
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place


def seal(*, at: Place = HERE, as_json: AsJson = False) -> int:
    """Turn the usage journal into sorted Parquet files. What counts does not change; reading it becomes cheaper."""
    from billing.intake.taking import Intake
    from server import clock
    from server.cli import output, progress

    with progress.show("seal", "rows") as report:
        _, sealed = done_at(at, lambda home: Intake(home).seal(clock.now_us(home), report), lambda service: service.usage_upkeep.seal())
    if as_json:
        output.print_json(sealed._asdict())
    elif sealed.rows:
        print(f"{counted(sealed.rows, 'row')} in {counted(sealed.files, 'file')}, {counted(sealed.sealed_bytes, 'byte')}")
    else:
        print("nothing to seal")
    return 0
