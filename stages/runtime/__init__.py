"""How a stage works: how it starts, over what workers, with what memory of before, and between which files."""
