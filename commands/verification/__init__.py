"""`traces verify`, a module a question: what is here, what a clean copy makes of the commit, how both compare."""

from commands.verification.run import run_verification
from commands.verification.show import show

__all__ = ["run_verification", "show"]
