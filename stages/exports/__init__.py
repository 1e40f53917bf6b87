"""What `export` makes beside one record a trace: pairs, and Parquet copies."""
