-- 0005 running: which files were being transferred when the service last ended, and how often in a row it ended with them unasked.
-- A row is written when a transfer starts and deleted when it ends, both without a flush: it has to survive the process, not a power cut.

CREATE TABLE running (
    job_id      INTEGER NOT NULL,
    file_index  INTEGER NOT NULL,
    starts      INTEGER NOT NULL CHECK (starts BETWEEN 1 AND 4294967295),
    crashes     INTEGER NOT NULL DEFAULT 0 CHECK (crashes BETWEEN 0 AND 4294967295),
    start_bytes INTEGER NOT NULL CHECK (start_bytes >= 0),
    PRIMARY KEY (job_id, file_index),
    FOREIGN KEY (job_id, file_index) REFERENCES files (job_id, file_index) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
