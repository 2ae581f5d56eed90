"""Commands of documents by a service."""
