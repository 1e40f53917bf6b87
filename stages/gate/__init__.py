"""What the gate holds against what: stages/validate.py runs these."""
