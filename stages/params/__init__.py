"""params.yaml: every knob that changes the data, its models, and how it is read."""
