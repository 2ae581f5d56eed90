"""Records that wait for a decision: listed, valued, corrected, recycled or written off. See README.md."""
