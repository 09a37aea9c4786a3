"""What happens in an update elsewhere, told where the run is: in order, each thing once.

A group of workers that is started again takes the steps since the last resume point again; who
listens to the run has heard of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs

from audioforge.inference.stop import StopRequest
from audioforge.run.events import Events, Listener, Step
from audioforge_ray.mailbox import Letter

Tell = Callable[[str, dict[str, Any]], None]
"""Puts a letter into the mailbox, and comes back when it is there."""


class Relay(Listener):
    """Tells the run what happens in the worker that is the main one of its group.

    Args:
        tell: Puts a letter into the mailbox.
    """

    def __init__(self, tell: Tell) -> None:
        """Nothing happened yet."""
        self._tell = tell

    def said(self, message: str) -> None:
        """Tell a line for people."""
        self._tell("said", {"message": message})

    def warned(self, message: str) -> None:
        """Tell a warning."""
        self._tell("warned", {"message": message})

    def update_began(self, cycle: int, steps_done: int) -> None:
        """Tell that the steps of a cycle begin, or go on."""
        self._tell("update_began", {"cycle": cycle, "steps_done": steps_done})

    def stepped(self, step: Step) -> None:
        """Tell of a step."""
        self._tell("stepped", attrs.asdict(step))


class RelayedStop(StopRequest):
    """Asks the mailbox whether the run is to stop; no signal is heard in a worker.

    Args:
        ask: Returns the signal that asks to stop, or None.
    """

    def __init__(self, ask: Callable[[], int | None]) -> None:
        """Nothing is asked yet."""
        super().__init__()
        self._ask = ask

    @property
    def number(self) -> int | None:
        """The signal that asked to stop; None while nobody has."""
        return self._ask()


class Retelling:
    """Tells the listeners of a run what the workers of its update told.

    Args:
        events: The run's.

    Attributes:
        steps: Number of the last step that was told; 0 before the first.
    """

    def __init__(self, events: Events) -> None:
        """Nothing was told yet."""
        self._events = events
        self._began = False
        self._lines: set[tuple[str, str]] = set()
        self.steps = 0

    def tell(self, letters: Iterable[Letter]) -> Iterator[Step]:
        """Tell what is new; yield each new step once it was told.

        Args:
            letters: Of the group's main worker, in the order in which it told them; others are
                passed over.
        """
        for what, particulars in letters:
            if what == "update_began" and not self._began:
                self._began, self.steps = True, particulars["steps_done"]
                self._events.update_begins(**particulars)
            elif what == "stepped" and particulars["number"] > self.steps:
                self.steps = particulars["number"]
                step = Step(**particulars)
                self._events.step(step)
                yield step
            elif what in ("said", "warned"):
                self._tell_line(what, particulars["message"])

    def _tell_line(self, what: str, message: str) -> None:
        if (what, message) in self._lines:
            return
        self._lines.add((what, message))
        tell = self._events.say if what == "said" else self._events.warn
        tell(message)
