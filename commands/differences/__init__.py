"""`traces diff`, a module a step: shards of two versions, their records as narrow rows, the join, why, the telling."""
