"""What `extract_traces` writes beside traces, and how rows reach its workers."""
