"""Graph → numbers."""
