"""Assembly as intake does it: stored segments and new ones become rows that bill."""
