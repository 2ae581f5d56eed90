"""Statements and notifications of banks: camt.053, camt.054 and MT940 as one stream of records, checked against their own totals.

One decoder a format (`camt`, `mt940`) over the records of `records`; `reading` recognises a format by its content. A file is read as a
stream: memory does not grow with it.
"""
