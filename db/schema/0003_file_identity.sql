-- 0003 file identity: which file on its volume the finished temporary file is, so that a rename that was done but not recorded
-- before a crash is told from somebody else's file at the same place.

ALTER TABLE files ADD COLUMN temp_id TEXT;
