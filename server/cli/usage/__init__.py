"""`ratewright usage`: the commands around usage files and what came of them, named by import path and imported when called."""

from __future__ import annotations

import cyclopts

_FOLDER = "server.cli.usage"
# name, module and function, what the list of commands says about it
USAGE_COMMANDS = (
    ("ingest", "ingest:ingest", "Take in usage files, each once."),
    ("inspect", "inspect:inspect", "Show what a usage file holds; nothing is stored."),
    ("suspense", "suspense:app", "Records that wait for a decision: correct, recycle, resolve or write them off."),
    ("collect", "collect:collect", "Take in finished files of a watched folder, each once."),
    ("findings", "findings:app", "Findings about usage files: list missing and rejected files, and waive a finding."),
    ("find", "find:find", "Find the records of a number, and what became of each."),
    ("assemble", "assemble:assemble", "Show incomplete calls and sessions: segments are missing."),
    ("report", "report:report", "Show the books of intake and rating, and what to watch."),
    ("too-late", "too_late:app", "Usage that no run bills any more, with its worth: bill it or write it off."),
    ("seal", "seal:seal", "Turn the journal into Parquet."),
)

app = cyclopts.App(name="usage", help="Take in and inspect usage files; see what waits in suspense.")
for _name, _path, _summary in USAGE_COMMANDS:
    app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
