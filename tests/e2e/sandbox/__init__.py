"""The contract of the sandbox: what the unmodified stripe library sees of it."""
