"""Biomarker-stratified randomised trials from one study file."""
