-- 0007 md5: the hash of a Metalink's file may be MD5; it is kept as one piece of the whole file. SQLite cannot change a CHECK, so the
-- table is made anew.

CREATE TABLE file_expectations_7 (
    job_id       INTEGER NOT NULL,
    file_index   INTEGER NOT NULL,
    sha256       BLOB CHECK (sha256 IS NULL OR length(sha256) = 32),
    size_bytes   INTEGER CHECK (size_bytes IS NULL OR size_bytes >= 0),
    piece_kind   TEXT CHECK (piece_kind IS NULL OR piece_kind IN ('md5', 'sha-1', 'sha-256', 'sha-512')),
    piece_bytes  INTEGER CHECK (piece_bytes IS NULL OR piece_bytes > 0),
    piece_hashes BLOB,
    PRIMARY KEY (job_id, file_index),
    FOREIGN KEY (job_id, file_index) REFERENCES files (job_id, file_index) ON DELETE CASCADE,
    CHECK ((piece_kind IS NULL) = (piece_bytes IS NULL) AND (piece_kind IS NULL) = (piece_hashes IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO file_expectations_7 SELECT job_id, file_index, sha256, size_bytes, piece_kind, piece_bytes, piece_hashes FROM file_expectations;
DROP TABLE file_expectations;
ALTER TABLE file_expectations_7 RENAME TO file_expectations;
