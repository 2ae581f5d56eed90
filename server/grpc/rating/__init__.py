"""Calls of RatingService beside quotes: batches, explanations, comparisons."""
