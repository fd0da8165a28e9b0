"""Unit tests of `resolvers`."""
