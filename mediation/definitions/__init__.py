"""Source definitions: YAML to sources, with every mistake and its remedy."""
