"""Who may call the service: keys, tokens, certificates, roles, and the trail of what was read and refused."""
