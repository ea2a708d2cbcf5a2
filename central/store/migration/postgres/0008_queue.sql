-- Waiting rooms in front of sales. Who stands where is the queue's engine's to know.

CREATE TABLE queue_room (
	event    BIGINT  PRIMARY KEY REFERENCES event (id),
	settings TEXT    NOT NULL,          -- what an organiser may change, JSON
	seed     BYTEA   NOT NULL,          -- 32 bytes; secret until opened is set
	created  BIGINT  NOT NULL,
	sealed   BIGINT,                    -- when the list of the lobby was fixed
	people   BIGINT,                    -- length of that list
	list     BYTEA,                    -- its hash, 32 bytes
	opened   BIGINT,                    -- when the shuffle was fixed
	beacon   TEXT                      -- the public value in the shuffle
);

-- The list of the lobby, some thousand keys of 16 bytes a row.
CREATE TABLE queue_entry (
	event BIGINT  NOT NULL REFERENCES queue_room (event),
	first BIGINT  NOT NULL,             -- keys before this row's
	keys  BYTEA   NOT NULL,
	PRIMARY KEY (event, first)
);

-- Up to which number an engine may have given out places. It never sinks.
CREATE TABLE queue_mark (
	event BIGINT  PRIMARY KEY,
	mark  BIGINT  NOT NULL
);
