"""`ratewright tariffs`: the commands around catalogues of tariffs, named by import path and imported when called."""

from __future__ import annotations

import cyclopts

_FOLDER = "server.cli.tariffs"
# name, module and function, what the list of commands says about it
TARIFF_COMMANDS = (
    ("check", "check:check", "Check catalogues as files: show every mistake and every warning."),
    ("schema", "schema:schema", "Write the JSON Schema by which editors complete and check catalogues."),
    ("draft", "draft:draft", "Put a catalogue into the home folder for review."),
    ("review", "review:review", "Approve or reject another person's draft."),
    ("publish", "publish:publish", "Publish a reviewed version: it prices from its effective date on."),
    ("repeal", "repeal:repeal", "End a published version."),
    ("show", "show:show", "Show a published catalogue: versions, plans, prices and fees."),
    ("history", "history:history", "Show the history of each version: drafts, reviews, publication, repeal."),
    ("at", "at:at", "Show the version of each catalogue that is in force on a date."),
    ("affected", "affected:affected", "List the subscriptions that a version changes."),
    ("diff", "diff:diff", "Show what changed between two versions, in words."),
    ("sheet", "sheet:sheet", "Write the tariff sheet that customers read."),
    ("what-if", "what_if:what_if", "Price a stored month by a draft, and compare."),
    ("import-cgrates", "import_cgrates:import_cgrates", "Write catalogues from a CGRateS tariff plan folder."),
)
DECK_COMMANDS = (
    ("preview", "deck_preview:preview", "Show what a rate deck would change."),
    ("import", "deck_import:import_deck", "Write a rate deck into a catalogue's folder."),
)

app = cyclopts.App(name="tariffs", help="Write, check, review, publish and try out catalogues of tariffs.")
deck = cyclopts.App(name="deck", help="Preview and import rate decks.")
for _name, _path, _summary in TARIFF_COMMANDS:
    app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
for _name, _path, _summary in DECK_COMMANDS:
    deck.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
app.command(deck)
