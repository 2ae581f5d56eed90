"""`ratewright usage seal`: the journal into Parquet."""

from __future__ import annotations

from rating.counted import counted
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder


def seal(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Turn the usage journal into sorted Parquet files. What counts does not change; reading it becomes cheaper."""
    from billing.intake.taking import Intake
    from billing.store.home import Home
    from server import clock
    from server.cli import output, progress

    with Home.open(home) as opened, progress.show("seal", "rows") as report:
        sealed = Intake(opened).seal(clock.now_us(opened), report)
    if as_json:
        output.print_json(sealed._asdict())
    elif sealed.rows:
        print(f"{counted(sealed.rows, 'row')} in {counted(sealed.files, 'file')}, {counted(sealed.sealed_bytes, 'byte')}")
    else:
        print("nothing to seal")
    return 0
