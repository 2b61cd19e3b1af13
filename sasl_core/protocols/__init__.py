"""How each protocol carries SASL: lines in, lines out, both sides, still sans-I/O."""
