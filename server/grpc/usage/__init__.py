"""UsageService: usage that switches send, batch by batch, with and without a stream that counts its batches."""
