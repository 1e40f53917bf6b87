"""What a user would write instead of this project: each a script from PostgreSQL to a validated file.

They share with the project the schema of a record, and no code.
"""
