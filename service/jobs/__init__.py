"""Jobs: datasets that are asked for, each a DVC experiment that is run in a process of its own."""
