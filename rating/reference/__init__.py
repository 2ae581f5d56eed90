"""The plain twin of the kernel: it prices one event by interpreting the model itself. Read `rating.reference.twin` first."""

from rating.reference.twin import CONTENT_MICROS_MAX, QUANTITY_MAX, Ordered, Reference

__all__ = ["CONTENT_MICROS_MAX", "QUANTITY_MAX", "Ordered", "Reference"]
