"""Events of any service, their checks, and the legs of calls."""
