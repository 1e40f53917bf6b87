"""`make bench`: what a build costs, and what it would cost written otherwise. Tests apart, nothing imports it."""
