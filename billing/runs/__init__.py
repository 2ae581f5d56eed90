"""Bill runs: facts, usage and tariffs as of one sequence number, priced, compared with what was billed, numbered and posted."""
