"""Actions: the work of commands and calls that is more than printing and conversion. It knows neither the command line nor gRPC."""
