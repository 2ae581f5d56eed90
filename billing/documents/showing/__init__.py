"""The further contents of a shown document, computed from what its run knew: nothing here is stored, or changes an amount.

- lives: plans, pauses and outages of a few subscriptions, without reading those of all
- names: catalogues as of the run: names of lines, taxes and units
- days: the days of its period for which a fee is charged
- with_tax: sums of lines as their tariff states prices, tax included
- passes: day passes that the charges of a line hold
- opening: how often the kernel opens them
- document: what is stored, this, and its later history, for every face
- lines: all of it, line by line, with the table of taxes
"""
