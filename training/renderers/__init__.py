"""From a trace to the text that a model sees: one module a way of writing it."""
