-- 0002 sources: mirrors, expected hashes and pieces of a file, and what hashes have said. docs/database.md explains the columns.
--
-- What changes while a file comes in stands in its row, so that one write saves it together with the offset; what a client
-- has said about it once, and piece hashes above all, in tables of its own.

ALTER TABLE files ADD COLUMN digest TEXT CHECK (digest IS NULL OR length(digest) IN (64, 128));
ALTER TABLE files ADD COLUMN source_index INTEGER DEFAULT 0 CHECK (source_index IS NULL OR source_index BETWEEN 0 AND 31);
ALTER TABLE files ADD COLUMN bad_sources INTEGER NOT NULL DEFAULT 0 CHECK (bad_sources BETWEEN 0 AND 4294967295);
ALTER TABLE files ADD COLUMN mismatches INTEGER NOT NULL DEFAULT 0 CHECK (mismatches BETWEEN 0 AND 4294967295);

-- 1: the file has rows in one of the next two tables, so that for the many without them nothing is looked up there.
ALTER TABLE files ADD COLUMN has_extras INTEGER NOT NULL DEFAULT 0 CHECK (has_extras IN (0, 1));

CREATE TABLE file_expectations (
    job_id       INTEGER NOT NULL,
    file_index   INTEGER NOT NULL,
    sha256       BLOB CHECK (sha256 IS NULL OR length(sha256) = 32),
    size_bytes   INTEGER CHECK (size_bytes IS NULL OR size_bytes >= 0),
    piece_kind   TEXT CHECK (piece_kind IS NULL OR piece_kind IN ('sha-1', 'sha-256', 'sha-512')),
    piece_bytes  INTEGER CHECK (piece_bytes IS NULL OR piece_bytes > 0),
    piece_hashes BLOB,
    PRIMARY KEY (job_id, file_index),
    FOREIGN KEY (job_id, file_index) REFERENCES files (job_id, file_index) ON DELETE CASCADE,
    CHECK ((piece_kind IS NULL) = (piece_bytes IS NULL) AND (piece_kind IS NULL) = (piece_hashes IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE file_mirrors (
    job_id       INTEGER NOT NULL,
    file_index   INTEGER NOT NULL,
    source_index INTEGER NOT NULL CHECK (source_index BETWEEN 1 AND 31),
    url          TEXT NOT NULL CHECK (url <> ''),
    PRIMARY KEY (job_id, file_index, source_index),
    FOREIGN KEY (job_id, file_index) REFERENCES files (job_id, file_index) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
