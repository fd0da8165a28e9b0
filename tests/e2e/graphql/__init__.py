"""The API over real HTTP, with the whole stack behind it."""
