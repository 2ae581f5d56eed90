"""What a document shows beside its stored lines, worked out from what its run knew: nothing here is stored, or changes an amount.

lives      plans, pauses and outages of a few subscriptions, without reading everybody's
names      catalogues as of the run: what lines, taxes and units are called
days       the days of its period for which a fee is charged
with_tax   what lines come to as their tariff states prices, tax included
passes     day passes that the charges of a line hold
opening    how often the kernel opens them
document   what is stored, this, and what became of it, for every face
lines      all of it, line by line, with the table of taxes
"""
