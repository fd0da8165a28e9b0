"""How each object looks on the wire."""
