"""Tables from files: columns by name for formulas, and features and a target for models."""

from .csv_file import read_columns
from .design import Design, Recipe, design, redesign
from .table import Table, read_table

__all__ = ["Design", "Recipe", "Table", "design", "read_columns", "read_table", "redesign"]
