"""`traces verify --remote`: which files a remote should hold, which of them it lacks, and sending those."""
