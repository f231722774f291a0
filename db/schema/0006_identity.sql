-- 0006 identity: with whose rights a group was made, and who added each file with which: work on the file is done as they, also when
-- somebody else owns the group by then. NULL = a row of an earlier schema: the least rights that its user can have had.

ALTER TABLE groups ADD COLUMN owner_is_admin INTEGER CHECK (owner_is_admin IN (0, 1));
ALTER TABLE groups ADD COLUMN owner_integrity INTEGER CHECK (owner_integrity BETWEEN 0 AND 4294967295);
ALTER TABLE groups ADD COLUMN owner_marks INTEGER;
ALTER TABLE files ADD COLUMN user_sid TEXT CHECK (user_sid <> '');
ALTER TABLE files ADD COLUMN user_is_admin INTEGER CHECK (user_is_admin IN (0, 1));
ALTER TABLE files ADD COLUMN user_integrity INTEGER CHECK (user_integrity BETWEEN 0 AND 4294967295);
ALTER TABLE files ADD COLUMN user_marks INTEGER;

UPDATE files SET user_sid = (SELECT owner_sid FROM groups JOIN jobs ON jobs.group_id = groups.id WHERE jobs.id = files.job_id);
