"""Rules of a contract: each is one function with one sentence, and says how to mend what fails."""

from __future__ import annotations

import inspect
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from attrs import frozen

from audioforge.errors import PluginError, describe
from audioforge.model import TASKS, Task
from audioforge.plugins import Registry
from audioforge.plugins.registry import import_object
from audioforge.specs import Provided
from audioforge.tasks import SpeechTask, speech_task
from audioforge_kit.moved_import import moved_import

_Function = TypeVar("_Function", bound=Callable[..., None])


class ContractError(AssertionError):
    """A plugin does not do what its contract says.

    Args:
        message: What it did instead.
        mend: What to do about it; None for what the broken rule says.
    """

    def __init__(self, message: str, mend: str | None = None) -> None:
        """Take what is wrong."""
        super().__init__(message)
        self.mend = mend


class CannotCheck(Exception):
    """Something that a check needs is not here, such as an optional dependency; says what."""


def _any_task(task: SpeechTask) -> bool:
    return True


def rule(
    mend: str, when: Callable[[SpeechTask], bool] = _any_task
) -> Callable[[_Function], _Function]:
    """Mark a method of a `Contract` as a rule; the first line of its docstring is the rule.

    Args:
        mend: What the author of a plugin that breaks it should do.
        when: Says of a task whether the rule makes sense for it.
    """

    def mark(function: _Function) -> _Function:
        cast("Any", function).mend = mend
        cast("Any", function).when = when
        return function

    return mark


def expect(condition: object, message: str) -> None:
    """Raise unless a condition holds.

    Raises:
        ContractError: With the message.
    """
    if not condition:
        raise ContractError(message)


@frozen
class Rule:
    """One rule of a contract.

    Attributes:
        name: Name of its function, for ids of tests.
        sentence: What must be true.
        mend: What to do when it is not.
    """

    name: str
    sentence: str
    mend: str


@frozen
class Check:
    """One rule, ready to be checked on one thing that a plugin provides.

    Attributes:
        subject: Such as "verifier politeness".
        rule: What must be true of it.
        run: Checks it.
    """

    subject: str
    rule: Rule
    run: Callable[[], None]

    def __call__(self) -> None:
        """Check the rule.

        Raises:
            ContractError: If it is broken.
            CannotCheck: If something that the check needs is not here.
        """
        try:
            self.run()
        except (ContractError, CannotCheck, KeyboardInterrupt):
            raise
        except BaseException as error:  # a plugin is foreign code, and may even call sys.exit
            moved = moved_import(error)
            raise ContractError(*moved or (describe(error),)) from error

    @property
    def id(self) -> str:
        """The check as the id of a test."""
        return f"{self.subject.replace(' ', '-')}-{self.rule.name}"


class Contract:
    """The rules for one kind of thing, and what they are checked on.

    Args:
        provided: The specification and whose it is.
        registry: Where it is found by name.
        files: Plugins that are single files, for processes that are started.

    Attributes:
        folder: A new folder for what the example writes, removed with this object.
    """

    kind: ClassVar[str]
    example_class: ClassVar[type[Any]]

    def __init__(self, provided: Provided, registry: Registry, files: tuple[Path, ...]) -> None:
        """Take what is checked; nothing is imported yet."""
        self.provided = provided
        self.spec: Any = provided.spec
        self.registry = registry
        self.files = files
        self._made: dict[str, Any] = {}
        self._failed: dict[str, str] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="audioforge-contract-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    @classmethod
    def rules(cls) -> Iterator[tuple[Rule, Callable[..., None]]]:
        """Yield the rules in their order."""
        for name, function in vars(cls).items():
            if (mend := getattr(function, "mend", None)) is not None:
                sentence = (inspect.getdoc(function) or "").partition("\n\n")[0]
                yield Rule(name, " ".join(sentence.split()), mend), function

    def checks(self) -> list[Check]:
        """Return a check for each rule."""
        return [
            Check(self.subject, rule, function.__get__(self))
            for rule, function in type(self).rules()
            if any(cast("Any", function).when(speech_task(task)) for task in self.tasks)
        ]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What the thing is for."""
        return getattr(self.spec, "tasks", TASKS)

    @property
    def subject(self) -> str:
        """What is checked, such as "verifier politeness"."""
        return f"{self.kind} {self.spec.name}"

    @property
    def example(self) -> Any:
        """What the plugin says to check it with."""
        return self.once("its example", lambda: self.make_example(self.folder / "example"))

    def once(self, what: str, make: Callable[[], Any]) -> Any:
        """Make something for the first rule that needs it, and return it to all.

        Raises:
            CannotCheck: If it failed before, which that rule has told.
        """
        if what in self._failed:
            raise CannotCheck(self._failed[what])
        if what not in self._made:
            try:
                self._made[what] = make()
            except CannotCheck as error:
                self._failed[what] = str(error)
                raise
            except BaseException:
                self._failed[what] = f"{what} could not be had, as told above"
                raise
        return self._made[what]

    def make_example(self, folder: Path) -> Any:
        """Have the plugin write its example into a new folder.

        Raises:
            ContractError: If it has none and needs one, or returns something else.
        """
        folder.mkdir(parents=True)
        if self.spec.example is None:
            return self.default_example()
        example = import_object(self.provided, self.spec.example)(folder)
        expect(
            isinstance(example, self.example_class),
            f"{self.spec.example} must return a {self.example_class.__name__} of "
            f"audioforge_kit, not {type(example).__name__}",
        )
        return example

    def default_example(self) -> Any:
        """Return the example of something that gives none."""
        try:
            return self.example_class()
        except TypeError as error:
            raise ContractError(
                f"there is nothing to check it with: give its specification "
                f"example='package.module:function', which returns a {self.example_class.__name__}"
            ) from error

    def create(self, **changes: Any) -> Any:
        """Create what is checked with the options of its example."""
        options = {**self.example.options, **changes}
        name = self.provided.full_name
        return self.registry.create(f"{self.kind}s", name, **options)

    def check_bad_options(self) -> None:
        """Check that options that make no sense are refused as wrong settings, whatever they are.

        Raises:
            ContractError: If one of them raises something that is no `ConfigError`.
        """
        from audioforge.errors import ConfigError

        names = [*self.option_names(), "an_option_that_nobody_has"]
        for name in names:
            for value in ("\N{SNOWMAN}", "", -1, float("nan"), [["x"]], {"x": "y"}):
                try:
                    self.create(**{name: value})
                except (ConfigError, CannotCheck):
                    continue
                except PluginError:
                    raise
                except Exception as error:
                    raise ContractError(
                        f"option {name}={value!r} raised {describe(error)} instead of a ConfigError"
                    ) from error
                expect(name in self.option_names(), f"the unknown option {name} was taken")

    def option_names(self) -> list[str]:
        """Return the names of the options."""
        import attrs

        if self.spec.options is None:
            return []
        return [f.name for f in attrs.fields(import_object(self.provided, self.spec.options))]
