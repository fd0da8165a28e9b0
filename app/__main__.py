"""`python -m app` is `tollgate`."""

from app.cli import main

main()
