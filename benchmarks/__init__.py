"""`make bench`: what a build costs, and what it would cost written otherwise. Nothing imports this package."""
