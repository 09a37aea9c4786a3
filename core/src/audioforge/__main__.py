"""`python -m audioforge` is `audioforge`."""

from audioforge.cli import main

main()
