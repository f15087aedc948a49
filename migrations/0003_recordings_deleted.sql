-- Recordings end: by their age, or because somebody asks for it.

alter table recordings add deleted_at timestamptz;   -- the file is gone for good
create index recordings_kept on recordings (started_at) where deleted_at is null;
