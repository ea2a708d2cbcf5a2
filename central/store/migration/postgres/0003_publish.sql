-- What was published, byte for byte.

CREATE TABLE publish_cursor (
	id     BIGINT  PRIMARY KEY CHECK (id = 1),
	outbox BIGINT  NOT NULL             -- last row of the outbox that stands in a delta
);
INSERT INTO publish_cursor (id, outbox) VALUES (1, 0);

CREATE TABLE delta (
	event  BIGINT  NOT NULL,
	seq    BIGINT  NOT NULL,
	hash   BYTEA   NOT NULL,
	data   BYTEA   NOT NULL,            -- signed
	stored BIGINT  NOT NULL,
	PRIMARY KEY (event, seq)
);

-- Up to which number deltas were taken off the broker.
CREATE TABLE delta_cleared (
	event   BIGINT  PRIMARY KEY,
	through BIGINT  NOT NULL
);

CREATE TABLE ticket_set (
	event     BIGINT  NOT NULL,
	version   BIGINT  NOT NULL,
	hash      BYTEA   NOT NULL,         -- of the manifest
	issued_s  BIGINT  NOT NULL,
	expires_s BIGINT  NOT NULL,
	delta     BIGINT  NOT NULL,
	tickets   BIGINT  NOT NULL,
	chunks    BIGINT  NOT NULL,
	manifest  BYTEA   NOT NULL,         -- signed
	PRIMARY KEY (event, version)
);

CREATE TABLE set_object (
	event   BIGINT  NOT NULL,
	version BIGINT  NOT NULL,
	kind    TEXT    NOT NULL,           -- chunk, status, rules
	number  BIGINT  NOT NULL,
	data    BYTEA   NOT NULL,
	PRIMARY KEY (event, version, kind, number)
);

-- What devices sent. Hybrid clocks are 48 bits of Unix milliseconds and 16 of
-- a counter; a device that claims a time beyond 63 bits is cut off there.

CREATE TABLE journal_head (
	device     TEXT    PRIMARY KEY,
	seq        BIGINT  NOT NULL,
	hash       BYTEA   NOT NULL,
	checkpoint BYTEA   NOT NULL,        -- signed, as evidence for the whole chain
	changed    BIGINT  NOT NULL
);

CREATE TABLE journal_entry (
	device TEXT    NOT NULL,
	seq    BIGINT  NOT NULL,
	hash   BYTEA   NOT NULL,
	data   BYTEA   NOT NULL,
	PRIMARY KEY (device, seq)
);

-- What the entries say about each admission: the only table here whose rows change.
CREATE TABLE admission (
	device      TEXT    NOT NULL,
	seq         BIGINT  NOT NULL,       -- of the decision
	event       BIGINT  NOT NULL,
	ticket      BYTEA   NOT NULL,
	time        BIGINT  NOT NULL,       -- hybrid clock
	uncertainty BIGINT  NOT NULL,       -- milliseconds
	gate        TEXT    NOT NULL,
	lane        TEXT    NOT NULL,
	mode        BIGINT  NOT NULL,
	evidence    BYTEA   NOT NULL,
	settled     BIGINT  NOT NULL,       -- journal.Kind; 0 while open
	PRIMARY KEY (device, seq)
);
CREATE INDEX admission_ticket ON admission (event, ticket);

CREATE TABLE ledger (
	event       BIGINT  NOT NULL,
	number      BIGINT  NOT NULL,       -- 1, 2, 3 …
	kind        BIGINT  NOT NULL,       -- 1 enter, 2 leave, 3 void
	ticket      BYTEA   NOT NULL,
	device      TEXT    NOT NULL,
	seq         BIGINT  NOT NULL,
	time        BIGINT  NOT NULL,
	uncertainty BIGINT  NOT NULL,
	gate        TEXT    NOT NULL,
	lane        TEXT    NOT NULL,
	PRIMARY KEY (event, number)
);

-- Tickets that were found to be in conflict, in that order. What the conflict is
-- follows from the admissions.
CREATE TABLE conflict (
	event  BIGINT  NOT NULL,
	number BIGINT  NOT NULL,            -- 1, 2, 3 …
	ticket BYTEA   NOT NULL,
	found  BIGINT  NOT NULL,
	PRIMARY KEY (event, number),
	UNIQUE (event, ticket)
);

CREATE TABLE incident (
	number   BIGINT  PRIMARY KEY,
	device   TEXT    NOT NULL,
	kind     TEXT    NOT NULL,
	seq      BIGINT  NOT NULL,
	found    BIGINT  NOT NULL,
	detail   TEXT    NOT NULL,
	hash     BYTEA   NOT NULL,          -- SHA-256 of the evidence
	evidence BYTEA   NOT NULL,
	UNIQUE (device, kind, hash)
);
