"""What every augmentation must do: `audioforge.augmentation.Augmentation` in rules."""

from __future__ import annotations

from typing import cast

import numpy as np

from audioforge import keyed_random
from audioforge.augmentation import Augmentation
from audioforge.inference.augmenter import sound_problem
from audioforge.sample import AudioSample
from audioforge_kit.contract import Contract, expect, rule
from audioforge_kit.examples import AugmentationExample, speech_like
from audioforge_kit.surroundings import printed, put_back, writes_only_below

RATES_HZ = (8_000, 16_000, 44_100)
DRAWS = 8
"""Of so many draws at least one must change the clip."""


class AugmentationContract(Contract):
    """The rules of an augmentation."""

    kind = "augmentation"
    example_class = AugmentationExample

    @rule("Let the factory return an instance of audioforge.augmentation.Augmentation.")
    def is_an_augmentation(self) -> None:
        """The factory, called with the options, returns an Augmentation."""
        created = self.create()
        expect(isinstance(created, Augmentation), f"it returned {type(created).__name__}")
        keeps = created.keeps_length
        expect(isinstance(keeps, bool), f"keeps_length is {keeps!r}, not a bool")

    @rule("Return float32 of shape (frames,), as long as the clip, or set keeps_length = False.")
    def returns_sound(self) -> None:
        """What it returns is finite sound, as long as the clip unless it says otherwise."""
        for rate in RATES_HZ:
            self._augmented(speech_like(1.0, "clip", rate), rate=rate)

    @rule("Give its example options under which a clip is changed.")
    def changes_something(self) -> None:
        """With the options of its example it changes a clip."""
        clip = speech_like(1.0)
        made = [self._augmented(clip, f"draw {number}") for number in range(DRAWS)]
        changed = any(not np.array_equal(sound, clip) for sound in made)
        expect(changed, f"{DRAWS} times it returned the clip as it was")

    @rule("Take all random numbers from the generator that is handed over.")
    def is_deterministic(self) -> None:
        """The same clip and draw give the same, in any order, from a new instance too."""
        clips = [speech_like(0.5 + 0.2 * number, f"clip {number}") for number in range(3)]
        first = [self._augmented(clip, "same") for clip in clips]
        again = [self._augmented(clip, "same") for clip in clips[::-1]][::-1]
        fresh = cast("Augmentation", self.create())
        anew = [self._augmented(clip, "same", augmentation=fresh) for clip in clips]
        for when, others in (("a second time", again), ("from a new instance", anew)):
            same = all(np.array_equal(a, b) for a, b in zip(first, others, strict=True))
            expect(same, f"{when} the same clip with the same draw sounds otherwise")

    @rule("Copy the waveform before changing it.")
    def leaves_its_input_alone(self) -> None:
        """The waveform that it is given is not written to."""
        clip = speech_like(1.0)
        before = clip.copy()
        self._augmented(clip)
        expect(np.array_equal(clip, before), "it wrote to the waveform")

    @rule("Expect silence, a single frame and samples beyond ±1; never divide by a level of 0.")
    def takes_any_sound(self) -> None:
        """Silence, very short and very loud clips raise nothing, and stay finite."""
        for clip in (np.zeros(1_600), np.ones(1), np.zeros(1), 3 * speech_like(0.3)):
            self._augmented(clip.astype(np.float32))

    @rule("Return from sounds() an AudioSample for each recording, with an id of its own.")
    def names_its_sound(self) -> None:
        """The recordings that it reads are samples with ids, the same in every instance."""
        augmentation, other = cast("Augmentation", self.create()), self.create()
        sounds = list(augmentation.sounds())
        wrong = [type(s).__name__ for s in sounds if not isinstance(s, AudioSample)]
        expect(not wrong, f"sounds() returned {', '.join(wrong)}")
        ids = [sound.id for sound in sounds]
        expect(len(set(ids)) == len(ids), "two recordings have one id")
        expect([s.id for s in other.sounds()] == ids, "a second instance names others")

    @rule("Write nothing to disk.")
    def writes_nothing(self) -> None:
        """The augmentation writes no file."""
        with writes_only_below(self.folder / "example"):
            self._augmented(speech_like(1.0))

    @rule("Say nothing on stdout, which may be a JSON document; log to stderr, or not at all.")
    def prints_nothing(self) -> None:
        """The augmentation prints nothing on stdout."""
        with printed() as said:
            self._augmented(speech_like(1.0))
        expect(not said, f"it prints {said}")

    @rule("Leave the working directory, the environment and torch's settings as they are.")
    def leaves_the_process_alone(self) -> None:
        """The state of the whole process is the same afterwards."""
        augmentation = self._augmentation
        with put_back() as changes:
            augmentation.augment(speech_like(1.0), RATES_HZ[1], keyed_random.generator("process"))
        expect(not changes, "; ".join(changes))

    @rule(
        "Let the options class be an attrs class of plain types; raise ValueError, TypeError or "
        "ConfigError in its validators."
    )
    def refuses_bad_options(self) -> None:
        """Wrong options are a ConfigError that names them."""
        self.check_bad_options()

    @property
    def _augmentation(self) -> Augmentation:
        return cast("Augmentation", self.once("the augmentation", self.create))

    def _augmented(
        self,
        clip: np.ndarray,
        key: str = "",
        *,
        rate: int = RATES_HZ[1],
        augmentation: Augmentation | None = None,
    ) -> np.ndarray:
        """Have an augmentation change a clip, and check that what it returns is sound."""
        changes = augmentation or self._augmentation
        with put_back():
            made = changes.augment(clip, rate, keyed_random.generator("contract", key))
        problem = sound_problem(made, len(clip) if changes.keeps_length else None)
        expect(problem is None, f"it returned {problem}")
        return made
