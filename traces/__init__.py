"""What a trace is, and where traces come from."""
