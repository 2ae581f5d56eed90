"""Subscriptions that change their owner: who has them since when, and the way back."""
