"""What the tests share: traces and stores to test with, and running commands as a user would."""
