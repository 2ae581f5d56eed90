"""Assembly: the segments of calls, sessions and messages become the events that bill. Pure: no store, no clock."""
