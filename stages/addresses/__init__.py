"""Content addresses: the md5 of files, as dvc.lock and DVC's cache name them."""
