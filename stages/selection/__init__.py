"""What `select` decides by: candidates, bounds, screens, duplicates, strategies and splits."""
