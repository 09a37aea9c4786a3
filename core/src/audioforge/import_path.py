"""Keeping the working directory off the import path.

Python puts it there for `python -m audioforge`, and where `PYTHONPATH` has an empty entry, as
`PYTHONPATH=$PYTHONPATH:/somewhere` leaves one. What lies in a folder of recordings would then be
imported in place of a library, or be found as a plugin. So this comes before any other import, and
imports nothing that Python has not imported to start.
"""

import os
import sys


def forget_working_directory() -> None:
    """Take the working directory off the path, here and for processes that are started.

    It stays where `PYTHONPATH` names it, and where it holds Python or what is installed.
    """
    named = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if "PYTHONPATH" in os.environ:
        os.environ["PYTHONPATH"] = os.pathsep.join(named)
    try:
        here = os.getcwd()  # noqa: PTH109
    except OSError:  # it was removed
        here = ""
    if here in map(os.path.abspath, named):
        return
    # What comes from -m and from PYTHONPATH stands before Python's own library.
    library = os.path.dirname(os.__file__)  # noqa: PTH120
    end = sys.path.index(library) if library in sys.path else 0
    sys.path[:end] = [entry for entry in sys.path[:end] if entry not in ("", ".", here)]
