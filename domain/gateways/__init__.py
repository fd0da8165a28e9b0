"""Gateway adapters: the only place where a gateway's own library is imported."""
