"""Addresses of files that lie elsewhere: on the web, in a store, on the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from audioforge.plugin_reference import parse_plugin_reference

SCHEMES = ("https", "http", "s3", "gs", "hf")
"""What can be read."""
NOT_A_PATH = (
    "is an address; give a path of this machine. What is written there can be copied afterwards"
)

# A scheme has two letters at least: C: is a drive. A path that was made of an address has lost one
# of its slashes.
_ADDRESS = re.compile(
    rf"(?!file:)(?:[a-z][a-z0-9+.-]+://|(?:{'|'.join(SCHEMES)}):/)", re.IGNORECASE
)
_WITH_SETTINGS = re.compile(r"(?P<address>.+?):(?P<settings>\w+=[^/]*)")
_ODD = re.compile(r"[^\w.-]+")
_SIGNED = re.compile(
    r"(?:^|&)[^=&]*(?:sig|token|expires|credential|policy|auth|key|secret)[^=&]*=", re.IGNORECASE
)
LONGEST_NAME = 100
"""Characters of a file's name, which systems limit to 255 bytes."""


def is_address(text: str) -> bool:
    """Say whether a text names something that lies elsewhere, whether it can be read or not.

    >>> [is_address(t) for t in ("s3://speech/a.wav", "ftp://host/a.wav", "s3:/speech/a.wav")]
    [True, True, True]
    >>> [is_address(t) for t in ("a.wav", "C:/a.wav", "file:///a.wav")]
    [False, False, False]
    """
    return _ADDRESS.match(text) is not None


def split_settings(text: str) -> tuple[str, dict[str, str]]:
    """Split the address of a dataset from the settings behind it.

    >>> split_settings("http://host:80/t.xlsx:sheet=Clips")
    ('http://host:80/t.xlsx', {'sheet': 'Clips'})
    """
    if match := _WITH_SETTINGS.fullmatch(text):
        return match["address"], parse_plugin_reference(f"x:{match['settings']}")[1]
    return text, {}


def joined(root: str, path: str) -> str:
    """Return the address of what a relative path leads to from the address of a folder.

    >>> joined("https://host/clips/", "a b.wav"), joined("s3://speech", "a b.wav")
    ('https://host/clips/a%20b.wav', 's3://speech/a b.wav')
    """
    below = path.replace("\\", "/").removeprefix("./")
    return f"{root.rstrip('/')}/{quote(below) if _is_web(root) else below}"


def folder_of(address: str) -> str:
    """Return the address of the folder that a file lies in.

    >>> folder_of("https://host/data/t.csv?version=2")
    'https://host/data'
    """
    plain = re.split(r"[?#]", address, maxsplit=1)[0] if _is_web(address) else address
    return plain.rpartition("/")[0]


def file_name(address: str) -> str:
    """Return the name of the file at an address, as any system can hold it.

    >>> file_name("https://host/a%20b.wav?token=1")
    'a_b.wav'
    """
    path = unquote(urlsplit(address).path) if _is_web(address) else address
    name = _ODD.sub("_", PurePosixPath(path).name).lstrip(".")
    return name[-LONGEST_NAME:] or "file"


def shown(address: str) -> str:
    """Return an address for messages: without the secrets that it may hold.

    >>> shown("https://ann:word@host/a.wav?signature=1")
    'https://host/a.wav?…'
    """
    if not _is_web(address):
        return address
    plain, question, _ = address.partition("?")
    return re.sub(r"//[^/@]*@", "//", plain) + (question and "?…")


def lasting(address: str) -> str:
    """Return what of an address stays the same: without names, passwords and signatures.

    >>> lasting("https://ann:word@host/a.wav?X-Amz-Expires=60&X-Amz-Signature=1")
    'https://host/a.wav'
    >>> lasting("https://host/get?clip=5")
    'https://host/get?clip=5'
    """
    if not _is_web(address):
        return address
    plain, question, query = re.sub(r"//[^/@]*@", "//", address).partition("?")
    return plain if _SIGNED.search(query) else plain + question + query


def _is_web(address: str) -> bool:
    return address.lower().startswith("http")
