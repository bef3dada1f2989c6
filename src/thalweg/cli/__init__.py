"""The `thalweg` command: arguments and data in, an answer, its exit code and nothing surprising out."""

from thalweg.cli.app import main

__all__ = ["main"]
