"""A second implementation of medtrace's evidence, from schemas/FORMATS.md, with the standard library alone."""
