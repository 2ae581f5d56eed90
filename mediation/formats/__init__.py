"""Decoders of usage formats, each a module; `registry` names them."""
