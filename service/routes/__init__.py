"""What can be asked, a module a subject; and what the headers of requests say."""
