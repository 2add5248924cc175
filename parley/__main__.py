"""`python -m parley`."""

from .command import main

main()
