"""`python -m audioforge`, which is also how `torchrun -m audioforge` starts it."""

from audioforge.cli import main

main()
