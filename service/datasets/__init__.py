"""Datasets that there are: found in Git by their manifests, read from DVC's cache by their hashes."""
