"""`python -m tests.simulation --seed N` replays one history, `--seeds A B` runs many, with
`--bug NAME` over a planted one. It needs DATABASE_URL, a migrated database of its own."""
