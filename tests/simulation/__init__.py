"""Tollgate on a clock of its own, with everything going wrong that a seed can draw."""
