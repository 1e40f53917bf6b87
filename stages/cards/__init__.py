"""What `card` writes for people and for loaders."""
