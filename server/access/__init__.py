"""Access to the service: keys, tokens, certificates, roles, and the trail of reads and refusals."""
