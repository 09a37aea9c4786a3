"""The commands from a workbook and a folder of m4a to faster-whisper, typed as they stand."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jiwer
import pytest
import soundfile

CLIPS = 40
COMPARED = 5
"""How many clips faster-whisper and `transcribe` both say."""


def write_m4a(path, samples, rate):
    """Write sound as people's phones do: AAC in an MPEG-4 container."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        frames = av.AudioFifo()
        frames.write(frame)
        while (part := frames.read(1024, partial=True)) is not None:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


@pytest.fixture
def desk(shared, tmp_path):
    """A folder with the workbook and the recordings that the page speaks of."""
    openpyxl = pytest.importorskip("openpyxl")
    source = shared / "data/nonnative"
    (tmp_path / "recordings").mkdir()
    book = openpyxl.Workbook()
    book.active.append(["File", "Transcript"])
    lines = (source / "train.jsonl").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines[: 10 * CLIPS : 10]):
        record = json.loads(line)
        samples, rate = soundfile.read(source / record["audio_filepath"], dtype="float32")
        write_m4a(tmp_path / f"recordings/clip{number:02}.m4a", samples, rate)
        book.active.append([f"clip{number:02}.m4a", record["text"]])
    book.save(tmp_path / "clips.xlsx")
    return tmp_path


@pytest.mark.soak
@pytest.mark.slow
def test_ten_commands_from_a_workbook_to_faster_whisper(root, shared, desk):
    for library in ("av", "ctranslate2", "faster_whisper"):
        pytest.importorskip(library)
    page = (root / "docs/ten-commands.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines()]
    assert len(commands) == 10
    assert all(command.startswith("python -m pip install ") for command in commands[:2])
    model = str(shared / "models/whisper-tiny.en")
    binaries = Path(sys.executable).parent
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    said = []
    for command in commands[2:]:
        words = shlex.split(command.replace("openai/whisper-tiny.en", model))
        done = subprocess.run(
            [binaries / words[0], *words[1:]],
            cwd=desk,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        said.append(done.stdout.strip())
    assert f"{CLIPS} usable clips" in said[0]
    transcripts = dict(line.split(": ", 1) for line in said[5].splitlines())
    assert len(transcripts) == CLIPS
    from faster_whisper import WhisperModel

    engine = WhisperModel(str(desk / "mine-ctranslate2"), device="cpu")
    names = [f"recordings/clip{number:02}.m4a" for number in range(COMPARED)]
    found = [engine.transcribe(str(desk / name), beam_size=1)[0] for name in names]
    texts = [" ".join(segment.text.strip() for segment in segments) for segments in found]
    assert said[7] == texts[0]
    assert jiwer.wer([transcripts[name] for name in names], texts) <= 0.1
    measured = json.loads((desk / "mine-ctranslate2/measured.json").read_text())
    summary = json.loads((desk / "runs/mine/summary.json").read_text())
    assert summary["best"]["wer"] is not None
    assert measured
