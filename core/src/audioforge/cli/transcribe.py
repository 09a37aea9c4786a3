"""`audioforge transcribe`: what is said in recordings of any length."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from audioforge.cli.local_path import LocalPath
from audioforge.cli.output_options import loading, output_options
from audioforge.cli.plugin_option import plugin_option
from audioforge.errors import AudioError, UsageError
from audioforge.plugins import discover
from audioforge.terminal import console
from audioforge.terminal.escapes import escape_json, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audioforge.api.loaded import LoadedModel
    from audioforge.terminal.reporter import Reporter
    from audioforge.transcription.files import Transcript

EXAMPLE = """\b
  audioforge transcribe runs/mine talk.wav
  audioforge transcribe openai/whisper-tiny talks --format srt --output subtitles
  find talks -name '*.flac' | audioforge transcribe runs/mine - --format json
"""
FORMATS = ("text", "srt", "vtt", "json")
SUBTITLES = ("srt", "vtt")


@click.command(context_settings={"max_content_width": 100}, epilog=EXAMPLE)
@click.argument("model", metavar="RUN|MODEL")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="What is written: a line of text, subtitles, or a line of JSON with times.",
)
@click.option("--word-times", is_flag=True, help="Say when each word was said, in JSON.")
@click.option(
    "--output",
    type=LocalPath(file_okay=False),
    help="Folder for a file of each recording, made where it is not there; else stdout.",
)
@click.option("--language", help="Spoken language, such as en; else the run's, or what is heard.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option(
    "--temperature-fallback",
    is_flag=True,
    help="Draw again what repeats itself or is unlikely (Whisper).",
)
@plugin_option
@output_options
def transcribe(
    model: str,
    files: tuple[str, ...],
    format_name: str,
    word_times: bool,
    output: Path | None,
    language: str | None,
    device: str,
    temperature_fallback: bool,
    plugin_files: tuple[Path, ...],
    quiet: bool,
    reporter: Reporter,
) -> None:
    """Write what is said in recordings of any length: text, subtitles, JSON.

    RUN is the folder of a finished run, whose exported model in best/ is taken; MODEL the folder of
    a checkpoint, or a hub id. FILE is a sound file, its address, a folder of them, or - for a list
    of those on standard input, one a line. A file that cannot be used is named and the others go
    on; then the exit code is 1. Nothing is written over.
    """
    if word_times and format_name != "json":
        raise UsageError("--word-times: only --format json has a place for them")
    from audioforge.transcription.sources import find_recordings

    recordings = find_recordings(files)
    if output is None and format_name in SUBTITLES and len(recordings) > 1:
        raise UsageError(
            f"--format {format_name}: subtitles of {len(recordings)} files on one stream would "
            f"be none; give --output FOLDER"
        )
    if output is not None:
        from audioforge.transcription.output import prepare

        prepare(output, recordings, format_name)
    reporter.info(loading(model))
    from audioforge.importing import importing

    with importing():
        from audioforge.api.loaded import load
    from audioforge.transcript import TranscriptionOptions
    from audioforge.transcription.files import transcribe_files

    loaded = load(model, language=language, device=device, registry=discover(files=plugin_files))
    _check(loaded, model, temperature_fallback=temperature_fallback)
    options = TranscriptionOptions(format_name != "text", word_times, temperature_fallback)
    transcripts = transcribe_files(loaded.adapter, recordings, options)
    if output is not None or not console.stdout().is_terminal:  # where a live view disturbs none
        transcripts = reporter.track(transcripts, len(recordings), "transcribing", unit="files")
    failed = _write(transcripts, format_name, output, reporter, names_each=len(recordings) > 1)
    if failed:
        raise AudioError(
            f"{failed} of {len(recordings)} files could not be transcribed; they are named above"
        )


def _check(loaded: LoadedModel, model: str, *, temperature_fallback: bool) -> None:
    if loaded.task == "classification":
        raise UsageError(
            f"{model}: a classifier does not transcribe; `audioforge benchmark --task "
            f"classification` or, in Python, audioforge.load(…).classify(…) names the classes"
        )
    if loaded.task != "asr":
        raise UsageError(f"{model}: it is a model for {loaded.task} and does not transcribe")
    if temperature_fallback:
        from audioforge.inference.fallback import check_falls_back

        check_falls_back(loaded.adapter)


def _write(
    transcripts: Iterable[Transcript],
    format_name: str,
    output: Path | None,
    reporter: Reporter,
    *,
    names_each: bool,
) -> int:
    """Write each transcript as soon as it is there; return how many files have none."""
    from audioforge.transcription.formats import written
    from audioforge.transcription.output import target, write

    failed = 0
    for transcript in transcripts:
        recording = transcript.recording
        if transcript.problem is not None:
            failed += 1
            reporter.warn(transcript.problem)
            continue
        said = written(format_name, recording.location, transcript.seconds, transcript.segments)
        if output is not None:
            try:
                write(target(output, recording, format_name), said)
            except AudioError as error:
                failed += 1
                reporter.warn(f"{recording.shown}: {error}")
                continue
        else:
            named = format_name == "text" and names_each
            _print(f"{one_line(recording.shown)}: {said}" if named else said, format_name)
        reporter.info(
            f"{recording.shown}: {transcript.seconds:,.1f} s in {transcript.taken:,.1f} s"
        )
    return failed


def _print(said: str, format_name: str) -> None:
    text = said.removesuffix("\n")
    console.print_line(escape_json(text) if format_name == "json" else text)
