"""The command `audioforge`, and `python -m audioforge`."""

from audioforge.import_path import forget_working_directory


def main() -> None:
    """Run the command line with the arguments of this process; does not return."""
    forget_working_directory()
    from audioforge.cli import main as run

    run()


if __name__ == "__main__":
    main()
