"""`audioforge push`: a checkpoint published on the hub, after saying what would be."""

from __future__ import annotations

import sys

import click

from audioforge.terminal.console import print_line

EXAMPLE = """\b
  audioforge push runs/mine OWNER/NAME
  audioforge push runs/mine OWNER/NAME --public --yes
"""
MB = 10**6


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

    upload = push_checkpoint.planned_upload(source, repository)
    there = push_checkpoint.visibility_of(repository)
    if there == "public" and not public:
        raise UsageError(
            f"{repository}: is there and public. Add --public if everybody may read this, or "
            f"choose another name"
        )
    total = sum(map(upload.size, upload.files))
    for file in upload.files:
        print_line(f"{upload.size(file) / MB:10,.2f} MB  {file}")
    for file in upload.left_out:
        print_line(f"{'stays here':>13}  {file}")
    kind = ("public" if public else "private") if there == "new" else there
    where = f"{'new ' if there == 'new' else ''}{kind} repository {repository}"
    branch = f", branch {revision}" if revision else ""
    print_line(f"{len(upload.files)} files, {total / MB:,.1f} MB, to the {where}{branch}")
    if not yes and not _agreed():
        print_line("Nothing was uploaded.")
        return
    print_line(push_checkpoint.push(upload, public=public, revision=revision))


def _agreed() -> bool:
    from audioforge.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError("nobody is there to ask: add --yes to upload it")
    return click.confirm("Upload it?")
