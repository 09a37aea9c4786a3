"""No cheap way to a reward: every attack of the red-team table earns what is right, and no more."""

import pytest
from attacks_on_sound import PADDED, RATE, SOUND_ATTACKS, reward_of
from attacks_on_text import ENGLISH, TEXT_ATTACKS

from audioforge.audio import load_clip
from audioforge.sample import AudioSample
from audioforge_verifiers import normalizers


def named(attack) -> str:
    return f"{attack.name}-{attack.what}"


def cases():
    """Attacks that only a normaliser sees through wait for it."""
    waits = ENGLISH not in normalizers.NAMES
    mark = pytest.mark.xfail(reason=f"needs the normaliser {ENGLISH}", run=False)
    for attack in TEXT_ATTACKS:
        marks = [mark] if waits and attack.normalizer == ENGLISH else []
        yield pytest.param(attack, marks=marks, id=named(attack))


@pytest.mark.parametrize("attack", cases())
def test_an_attack_on_text_earns_what_is_right(registry, attack):
    honest, earned = attack.rewards(registry)
    assert earned == pytest.approx(attack.right, abs=1e-9)
    assert earned <= honest or honest == 0


def test_the_table_is_what_is_right(root):
    lines = (root / "docs/verifiers.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    now = {(row[0], row[1]): row[-1] for row in rows if len(row) == 5}
    right = {(f"`{a.name}`", a.what): f"{a.right:.2f}" for a in TEXT_ATTACKS}
    assert {key: now.get(key) for key in right} == right


@pytest.fixture(scope="module")
def recording(shared):
    path = shared / "cases/20-tts-with-a-long-silent-end/r16000.flac"
    return load_clip(AudioSample("a", audio=path, reference="seven three eight six"), RATE)


@pytest.fixture(scope="module")
def judges(create_tts, shared):
    recogniser = shared / "models/nano-whisper-digits"
    return {
        "intelligibility": create_tts(f"intelligibility:model={recogniser}"),
        "quality": create_tts("quality"),
    }


@pytest.mark.parametrize("attack", SOUND_ATTACKS, ids=lambda attack: attack.what)
def test_an_attack_on_sound_earns_no_more_than_is_right(judges, recording, attack):
    for name, verifier in judges.items():
        at_most = attack.at_most.get(name, reward_of(verifier, recording, recording.waveform))
        assert attack.reward(verifier, recording) <= at_most + 0.01, name


@pytest.mark.sweep(2)
@pytest.mark.parametrize("attack", PADDED, ids=lambda attack: attack.what)
def test_silence_beside_speech_costs_quality_and_no_word(judges, recording, attack):
    assert attack.reward(judges["intelligibility"], recording) == 1.0
    honest = reward_of(judges["quality"], recording, recording.waveform)
    assert attack.reward(judges["quality"], recording) < honest - 0.05


def test_the_learned_quality_pays_nothing_for_nothing(create_tts, recording):
    pytest.importorskip("speechmos", reason="needs the extra audioforge-verifiers[mos]")
    dnsmos = create_tts("dnsmos")
    for attack in SOUND_ATTACKS:
        if attack.at_most.get("dnsmos") == 0:
            assert attack.reward(dnsmos, recording) == 0.0, attack.what
