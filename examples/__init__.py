"""Programs to read, to run, and to begin from: `python3 -m examples.submission`."""
