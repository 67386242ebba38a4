"""Biomarker-stratified randomised trials from one study file."""

__version__ = "0.1.0"
