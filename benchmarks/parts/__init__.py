"""The parts of the benchmark, one a module: `python -m benchmarks --only PART` runs one alone."""
