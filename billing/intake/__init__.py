"""Intake: from decoded batches to usage that counts, its journal and sealed files, its books."""
