"""Commands of tariffs by a service."""
