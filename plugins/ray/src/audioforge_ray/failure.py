"""What failed in a worker, as it reaches the run: errors travel as plain values.

An error of AudioForge arrives as the same class with the same text, whatever its class is made of;
of anything else arrive its last line and the node.
"""

from __future__ import annotations

from pydoc import locate
from typing import Self

from attrs import frozen

from audioforge.errors import AudioForgeError, ProcessLostError, TrainingError, describe
from audioforge.inference.out_of_memory import is_out_of_memory


@frozen(kw_only=True)
class Failure:
    """What failed in a worker.

    Attributes:
        kind: Class of the error that is raised in the run, as module.name.
        text: What it says.
        node: Where it was raised.
        rank: Number of the worker in its group; None where workers have none.
        is_final: Whether it would fail again: the work itself cannot be done.
        number: `errno` of an error of files.
        path: The file of an error of files.
    """

    kind: str
    text: str
    node: str
    rank: int | None = None
    is_final: bool = False
    number: int | None = None
    path: str | None = None

    @classmethod
    def of(cls, error: BaseException, node: str, rank: int | None = None) -> Self:
        """Return what is told of an error.

        Args:
            error: The error.
            node: Where it was raised, in the words of an error message.
            rank: Number of the worker in its group.
        """
        if isinstance(error, AudioForgeError):
            is_final = not isinstance(error, ProcessLostError)
            return cls(
                kind=_name(type(error)), text=str(error), node=node, rank=rank, is_final=is_final
            )
        if isinstance(error, OSError) and error.errno is not None:
            path = None if error.filename is None else str(error.filename)
            text = f"{error.strerror} (on {node})"
            return cls(
                kind=_name(OSError), text=text, node=node, rank=rank, number=error.errno, path=path
            )
        no_memory = isinstance(error, Exception) and is_out_of_memory(error)
        text = f"{'out of memory ' if no_memory else ''}on {node}: {describe(error)}"
        return cls(kind=_name(TrainingError), text=text, node=node, rank=rank, is_final=no_memory)

    @property
    def is_lost(self) -> bool:
        """Whether it is that another worker is gone, whose own failure says why."""
        return self.kind == _name(ProcessLostError)

    def error(self) -> AudioForgeError | OSError:
        """Return the error, to be raised in the run."""
        if self.number is not None:
            return OSError(self.number, self.text, self.path)
        kind = locate(self.kind)
        if not (isinstance(kind, type) and issubclass(kind, AudioForgeError)):
            return TrainingError(self.text)  # of a plugin that only the worker had imported
        error: AudioForgeError = kind.__new__(kind)
        # Not by the class' own way to make one, which may take other things than a text.
        Exception.__init__(error, self.text)
        return error


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
