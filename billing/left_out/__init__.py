"""Why an event is not among the charges of bill runs: judged as each run knew things, for whoever explains, reports or lists them."""
