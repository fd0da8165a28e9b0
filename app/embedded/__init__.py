"""PostgreSQL, Valkey and child processes for development and tests, without any server.

Never for production: the settings refuse it there. See docs/adr/0003.
"""
