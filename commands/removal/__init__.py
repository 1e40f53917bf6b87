"""`traces takedown`, a module a step: the list, what a person has to do, and the removal itself."""
