"""`audioforge push`: a checkpoint published on the hub, after saying what would be."""

from __future__ import annotations

import sys

import click

from audioforge.terminal.console import print_line

EXAMPLE = """\b
  audioforge push runs/mine OWNER/NAME
  audioforge push runs/mine OWNER/NAME --public --yes
"""
MB, KB = 10**6, 10**3


@click.command(context_settings={"max_content_width": 100}, epilog=EXAMPLE)
@click.argument("source", metavar="RUN|CHECKPOINT")
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--public", is_flag=True, help="Let everybody read it; otherwise it is private.")
@click.option("--revision", metavar="BRANCH", help="Branch to commit to; otherwise the main one.")
@click.option("--yes", is_flag=True, help="Upload without asking.")
def push(source: str, repository: str, public: bool, revision: str | None, yes: bool) -> None:
    """Publish a checkpoint on the Hugging Face hub, with its model card.

    RUN is the folder of a finished run, whose exported model in best/ is taken; CHECKPOINT a folder
    in Hugging Face layout. Only the checkpoint's own files are uploaded, never clips, rollouts or
    predictions. It says what it will upload, and asks. Log in before with: hf auth login
    """
    from audioforge.errors import UsageError
    from audioforge.run import push_checkpoint

    upload = push_checkpoint.planned_upload(source, repository, revision)
    there = push_checkpoint.visibility_of(repository)
    if there == "public" and not public:
        raise UsageError(
            f"{repository}: is there and public. Add --public if everybody may read this, or "
            f"choose another name"
        )
    if there == "private" and public:
        raise UsageError(
            f"{repository}: is there and private, which --public does not change. Leave it out, "
            f"or make the repository public in its settings on the hub first"
        )
    total = sum(map(upload.size, upload.files))
    for file in upload.files:
        print_line(f"{_as_size(upload.size(file)):>13}  {file}")
    for file in upload.left_out:
        print_line(f"{'stays here':>13}  {file}")
    kind = ("public" if public else "private") if there == "new" else there
    where = f"{'new ' if there == 'new' else ''}{kind} repository {repository}"
    branch = f", branch {revision}" if revision else ""
    print_line(f"{len(upload.files)} files, {_as_size(total)}, to the {where}{branch}")
    if not yes and not _agreed():
        print_line("Nothing was uploaded.")
        return
    is_new = there == "new"
    print_line(push_checkpoint.push(upload, public=public, is_new=is_new, revision=revision))


def _as_size(size: int) -> str:
    """Return a number of bytes in MB, or in kB where that is less than one."""
    return f"{size / MB:,.1f} MB" if size >= MB else f"{size / KB:,.1f} kB"


def _agreed() -> bool:
    from audioforge.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("nobody is there to ask: add --yes to upload it")
    return click.confirm("Upload it?")
