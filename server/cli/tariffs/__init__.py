"""`ratewright tariffs`: the commands around catalogues of tariffs, named by import path and imported when called."""

from __future__ import annotations

import cyclopts

_FOLDER = "server.cli.tariffs"
# name, module and function, what the list of commands says about it
TARIFF_COMMANDS = (
    ("check", "check:check", "Show every mistake of catalogues as files, and what is doubtful."),
    ("schema", "schema:schema", "The JSON Schema by which editors complete and check catalogues."),
    ("draft", "draft:draft", "Put a catalogue into the home folder for review."),
    ("review", "review:review", "Approve or reject another person's draft."),
    ("publish", "publish:publish", "From its effective date on, price by a version."),
    ("repeal", "repeal:repeal", "End a published version."),
    ("show", "show:show", "A published catalogue: versions, plans, prices and fees."),
    ("history", "history:history", "What happened to each version, when and by whom."),
    ("at", "at:at", "Which versions price on a date."),
    ("affected", "affected:affected", "The subscriptions that a version touches."),
    ("diff", "diff:diff", "What changed between two versions, in words."),
    ("sheet", "sheet:sheet", "The tariff sheet that customers read."),
    ("what-if", "what_if:what_if", "What a draft would have made of a stored month."),
    ("import-cgrates", "import_cgrates:import_cgrates", "Catalogues from a CGRateS tariff plan folder."),
)
DECK_COMMANDS = (
    ("preview", "deck_preview:preview", "What a rate deck would change."),
    ("import", "deck_import:import_deck", "Write a rate deck into a catalogue's folder."),
)

app = cyclopts.App(name="tariffs", help="Write, check, review, publish and try out catalogues of tariffs.")
deck = cyclopts.App(name="deck", help="Preview and import rate decks.")
for _name, _path, _summary in TARIFF_COMMANDS:
    app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
for _name, _path, _summary in DECK_COMMANDS:
    deck.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)
app.command(deck)
