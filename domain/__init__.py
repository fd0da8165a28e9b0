"""What Tollgate means: money, fees, states, the operation protocol. It imports nothing above it."""
