"""Unit tests of `schema`."""
