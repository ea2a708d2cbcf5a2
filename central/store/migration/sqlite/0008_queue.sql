-- Waiting rooms in front of sales. Who stands where is the queue's engine's to know.

CREATE TABLE queue_room (
	event    INTEGER PRIMARY KEY REFERENCES event (id),
	settings TEXT    NOT NULL,          -- what an organiser may change, JSON
	seed     BLOB    NOT NULL,          -- 32 bytes; secret until opened is set
	created  INTEGER NOT NULL,
	sealed   INTEGER,                   -- when the list of the lobby was fixed
	people   INTEGER,                   -- length of that list
	list     BLOB,                      -- its hash, 32 bytes
	opened   INTEGER,                   -- when the shuffle was fixed
	beacon   TEXT                       -- the public value in the shuffle
) STRICT;

-- The list of the lobby, some thousand keys of 16 bytes a row.
CREATE TABLE queue_entry (
	event INTEGER NOT NULL REFERENCES queue_room (event),
	first INTEGER NOT NULL,             -- keys before this row's
	keys  BLOB    NOT NULL,
	PRIMARY KEY (event, first)
) STRICT;

-- Up to which number an engine may have given out places. It never sinks.
CREATE TABLE queue_mark (
	event INTEGER PRIMARY KEY,
	mark  INTEGER NOT NULL
) STRICT;
