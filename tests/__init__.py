"""Tests, in folders named after the strength of their evidence."""
