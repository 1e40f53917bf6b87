"""What the service does under load, beside nginx with the same bytes."""
