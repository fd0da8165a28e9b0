"""How fast it is, as ratios to what is measured beside it in the same run."""
