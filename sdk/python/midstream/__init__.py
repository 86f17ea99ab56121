"""Midstream from Python: midstream.package makes containers of models that are Python code."""
