"""A plugin that is one file, for trying an idea without packaging it: `--plugin idea.py`.

Nothing but that flag loads a file: no setting, no environment variable, no folder that is searched.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from audioforge.errors import PluginError
from audioforge.files.paths import open_regular


class PluginFile:
    """One Python file that implements hooks.

    Its specifications name what stands in the same file: `factory=f"{__name__}:Idea"`. The file's
    name takes the place of the distribution's, as in `idea.py/politeness`.

    Args:
        path: The file's absolute path.

    Attributes:
        path: The file's absolute path.
        distribution: What stands before the slash of its full names.
        module_name: What the file's `__name__` is: not its own name, so that `json.py` hides no
            module.
        source: Text of the file.

    Raises:
        PluginError: If it is no file of Python source.
    """

    def __init__(self, path: Path) -> None:
        """Read the file."""
        self.path = path
        self.distribution = path.name
        digest = hashlib.sha256(str(path).encode(errors="surrogateescape")).hexdigest()[:8]
        stem = re.sub("[^a-zA-Z0-9]", "_", path.stem)
        self.module_name = f"audioforge_file_{stem}_{digest}"
        self.source = self._read()

    def _read(self) -> str:
        mend = "give a .py file that implements the hooks of a plugin"
        if self.path.is_dir():
            raise PluginError(f"--plugin {self.path}: is a folder; {mend}")
        if self.path.suffix != ".py":
            raise PluginError(f"--plugin {self.path}: does not end in .py; {mend}")
        if set(self.path.name) & set(":,/"):
            raise PluginError(f"--plugin {self.path}: give it a name without ':' and ','")
        try:
            with open_regular(self.path) as file:
                return importlib.util.decode_source(file.read())
        except OSError as error:
            raise PluginError(
                f"--plugin {self.path}: cannot be read: {error.strerror or error}"
            ) from error
        except (UnicodeDecodeError, SyntaxError) as error:  # an encoding that is not its own
            raise PluginError(f"--plugin {self.path}: not UTF-8 text; {mend}") from error

    def load(self) -> ModuleType:
        """Run the file, and return it as a module."""
        spec = importlib.util.spec_from_file_location(self.module_name, self.path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.module_name] = module  # factories are found by this name
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[self.module_name]
            raise
        return module


def absolute(path: Path) -> Path:
    """Return a path that means the same file from everywhere, without links on the way."""
    return path.expanduser().resolve()


def plugin_files(paths: Sequence[Path]) -> list[PluginFile]:
    """Return files, each once.

    Raises:
        PluginError: If one cannot be read, or two would share their full names.
    """
    files: dict[str, PluginFile] = {}
    for file in map(PluginFile, dict.fromkeys(map(absolute, paths))):
        other = files.setdefault(file.distribution, file)
        if other is not file:
            raise PluginError(
                f"--plugin {file.path}: {other.path} has the same name; give one another name"
            )
    return list(files.values())
