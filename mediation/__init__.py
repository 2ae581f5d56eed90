"""Usage files and streams to canonical Arrow batches."""
