"""Reasons why an event is not among the charges of bill runs, as each run knew things, for explanations, reports and lists."""
