"""Paths, seconds and other values as options take them. A value that cannot be is wrong usage."""

from math import inf, isfinite
from pathlib import Path

from app.clip_times import parse_seconds
from app.errors import AppError
from app.given_path import given_path
from index.path_text import typed_text


def path(text: str) -> Path:
    """For `typer.Option(parser=...)` of every path."""
    try:
        return given_path(text)
    except AppError as error:
        raise ValueError(str(error)) from error


def seconds(text: str) -> float:
    """For `typer.Option(parser=...)` of every second of a video."""
    try:
        return parse_seconds(text)
    except AppError as error:
        raise ValueError(str(error)) from error


def text(typed: str) -> str:
    """For `typer.Option(parser=...)` of every name and word that may be in any script: the same word in every locale."""
    return typed_text(typed)


def encoder_name(text: str) -> str:
    """What an encoder can be called. Raises BadEncoderName."""
    from app.encoder_files import check_encoder_name

    check_encoder_name(text)
    return text


def number(text: str) -> float:
    """A number, neither infinite nor none."""
    found = _number(text)
    if not isfinite(found):
        raise ValueError(f"must be a number, got {text!r}.")
    return found


def positive(text: str) -> float:
    """A number above 0."""
    number = _number(text)
    if not 0 < number < inf:
        raise ValueError(f"must be a number above 0, got {text!r}.")
    return number


def share(text: str) -> float:
    """A number from 0 to 1."""
    number = _number(text)
    if not 0 <= number <= 1:
        raise ValueError(f"must be a number from 0 to 1, got {text!r}.")
    return number


def cosine(text: str) -> float:
    """A number from -1 to 1."""
    number = _number(text)
    if not -1 <= number <= 1:
        raise ValueError(f"must be a number from -1 to 1, got {text!r}.")
    return number


def not_negative(text: str) -> float:
    """A number from 0 on."""
    number = _number(text)
    if not 0 <= number < inf:
        raise ValueError(f"must be a number from 0 on, got {text!r}.")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"must be a number, got {text!r}.") from None
