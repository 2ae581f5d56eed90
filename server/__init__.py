"""The only place that knows gRPC and the command line."""
