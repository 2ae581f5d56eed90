"""Usage streams that count their batches: each batch is stored once, in its place, or not at all."""
