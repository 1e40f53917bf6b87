"""The `traces` command: a thin layer over the rest."""
