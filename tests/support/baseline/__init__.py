"""docs/BASELINE.md: what the tests are, what they cover, and the dataset that they were run beside."""
