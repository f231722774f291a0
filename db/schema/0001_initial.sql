-- 0001 initial: the queue. docs/database.md says what each column means.
--
-- A released file of this folder never changes; the next one is 0002_<what it does>.sql. Each runs in one transaction of its
-- own with foreign keys off (checked before the commit), so that tables can be rebuilt; migrate.c adds the row in
-- schema_migrations, user_version and application_id. States are spelled as in service/core/oq_states.def.

CREATE TABLE schema_migrations (
    version       INTEGER PRIMARY KEY CHECK (version > 0),
    name          TEXT NOT NULL,
    applied_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE groups (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    guid                 BLOB NOT NULL CHECK (length(guid) = 16),
    owner_sid            TEXT NOT NULL CHECK (owner_sid <> ''),
    state                TEXT NOT NULL
        CHECK (state IN ('suspended', 'active', 'committing', 'error', 'complete', 'cancelling')),
    is_foreground        INTEGER NOT NULL CHECK (is_foreground IN (0, 1)),
    display_name         TEXT NOT NULL,
    description          TEXT NOT NULL,
    notify_flags         INTEGER NOT NULL CHECK (notify_flags BETWEEN 0 AND 4294967295),
    notify_clsid         TEXT NOT NULL,
    pending_event        TEXT NOT NULL CHECK (pending_event IN ('none', 'complete', 'error')),
    error_code           INTEGER NOT NULL CHECK (error_code BETWEEN 0 AND 4294967295),
    error_win32          INTEGER NOT NULL CHECK (error_win32 BETWEEN 0 AND 4294967295),
    error_http           INTEGER NOT NULL CHECK (error_http BETWEEN 0 AND 4294967295),
    error_file_index     INTEGER CHECK (error_file_index BETWEEN 0 AND 4294967294),
    error_text           TEXT,
    retries              INTEGER NOT NULL CHECK (retries BETWEEN 0 AND 4294967295),
    created_at_ms        INTEGER NOT NULL,
    changed_at_ms        INTEGER NOT NULL,
    no_progress_since_ms INTEGER NOT NULL
) STRICT;

-- After CancelGroup the GUID may be used again at once, while the cancelled group is still being cleared away.
CREATE UNIQUE INDEX groups_by_live_guid ON groups (guid) WHERE state <> 'cancelling';

CREATE TABLE jobs (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL UNIQUE REFERENCES groups (id) ON DELETE CASCADE,
    guid     BLOB NOT NULL CHECK (length(guid) = 16),
    is_live  INTEGER NOT NULL CHECK (is_live IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX jobs_by_live_guid ON jobs (guid) WHERE is_live = 1;

-- An index sees its own table only, so jobs carry a copy of "the group is not cancelling". It is kept here, not in C, so that
-- no writer can forget it.
CREATE TRIGGER groups_state_changed AFTER UPDATE OF state ON groups
    WHEN (NEW.state = 'cancelling') <> (OLD.state = 'cancelling')
BEGIN
    UPDATE jobs SET is_live = (NEW.state <> 'cancelling') WHERE group_id = NEW.id;
END;

-- Clustered by job and position: loading, adding and cascading touch neighbours, and there is no second tree to write.
CREATE TABLE files (
    job_id        INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    file_index    INTEGER NOT NULL CHECK (file_index BETWEEN 0 AND 4294967294),
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'fetched', 'final')),
    remote        TEXT NOT NULL,
    local         TEXT NOT NULL,
    temp_path     TEXT,
    size_bytes    INTEGER CHECK (size_bytes >= 0),
    done_bytes    INTEGER NOT NULL CHECK (done_bytes >= 0),
    etag          TEXT,
    last_modified TEXT,
    PRIMARY KEY (job_id, file_index),
    CHECK (size_bytes IS NULL OR done_bytes <= size_bytes)
) STRICT, WITHOUT ROWID;
