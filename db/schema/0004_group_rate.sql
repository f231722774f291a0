-- 0004_group_rate.sql: a limit of the group's own, in bytes per second; 0 = none.
ALTER TABLE groups ADD COLUMN max_bytes_per_s INTEGER NOT NULL DEFAULT 0
    CHECK (max_bytes_per_s BETWEEN 0 AND 12500000000);
