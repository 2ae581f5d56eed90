"""Reads the tariff plan folder of another engine, CGRateS, and says it in the words of our tariff files.

`reading.read` takes the six files; `translation.translate` makes one document for each activation time; `writing.write` puts them into
folders. Terms that our words cannot express are listed with file, line and reason. Usage whose price is such a term is refused on purpose
(`price: null`), so that nothing is ever priced by another rate than its own. docs/from-cgrates.md says what becomes of what.
"""
