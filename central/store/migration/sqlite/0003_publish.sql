-- What was published, byte for byte.

CREATE TABLE publish_cursor (
	id     INTEGER PRIMARY KEY CHECK (id = 1),
	outbox INTEGER NOT NULL             -- last row of the outbox that stands in a delta
) STRICT;
INSERT INTO publish_cursor (id, outbox) VALUES (1, 0);

CREATE TABLE delta (
	event  INTEGER NOT NULL,
	seq    INTEGER NOT NULL,
	hash   BLOB    NOT NULL,
	data   BLOB    NOT NULL,            -- signed
	stored INTEGER NOT NULL,
	PRIMARY KEY (event, seq)
) STRICT;

-- Up to which number deltas were taken off the broker.
CREATE TABLE delta_cleared (
	event   INTEGER PRIMARY KEY,
	through INTEGER NOT NULL
) STRICT;

CREATE TABLE ticket_set (
	event     INTEGER NOT NULL,
	version   INTEGER NOT NULL,
	hash      BLOB    NOT NULL,         -- of the manifest
	issued_s  INTEGER NOT NULL,
	expires_s INTEGER NOT NULL,
	delta     INTEGER NOT NULL,
	tickets   INTEGER NOT NULL,
	chunks    INTEGER NOT NULL,
	manifest  BLOB    NOT NULL,         -- signed
	PRIMARY KEY (event, version)
) STRICT;

CREATE TABLE set_object (
	event   INTEGER NOT NULL,
	version INTEGER NOT NULL,
	kind    TEXT    NOT NULL,           -- chunk, status, rules
	number  INTEGER NOT NULL,
	data    BLOB    NOT NULL,
	PRIMARY KEY (event, version, kind, number)
) STRICT;

-- What devices sent. Hybrid clocks are 48 bits of Unix milliseconds and 16 of
-- a counter; a device that claims a time beyond 63 bits is cut off there.

CREATE TABLE journal_head (
	device     TEXT    PRIMARY KEY,
	seq        INTEGER NOT NULL,
	hash       BLOB    NOT NULL,
	checkpoint BLOB    NOT NULL,        -- signed, as evidence for the whole chain
	changed    INTEGER NOT NULL
) STRICT;

CREATE TABLE journal_entry (
	device TEXT    NOT NULL,
	seq    INTEGER NOT NULL,
	hash   BLOB    NOT NULL,
	data   BLOB    NOT NULL,
	PRIMARY KEY (device, seq)
) STRICT;

-- What the entries say about each admission: the only table here whose rows change.
CREATE TABLE admission (
	device      TEXT    NOT NULL,
	seq         INTEGER NOT NULL,       -- of the decision
	event       INTEGER NOT NULL,
	ticket      BLOB    NOT NULL,
	time        INTEGER NOT NULL,       -- hybrid clock
	uncertainty INTEGER NOT NULL,       -- milliseconds
	gate        TEXT    NOT NULL,
	lane        TEXT    NOT NULL,
	mode        INTEGER NOT NULL,
	evidence    BLOB    NOT NULL,
	settled     INTEGER NOT NULL,       -- journal.Kind; 0 while open
	PRIMARY KEY (device, seq)
) STRICT;
CREATE INDEX admission_ticket ON admission (event, ticket);

CREATE TABLE ledger (
	event       INTEGER NOT NULL,
	number      INTEGER NOT NULL,       -- 1, 2, 3 …
	kind        INTEGER NOT NULL,       -- 1 enter, 2 leave, 3 void
	ticket      BLOB    NOT NULL,
	device      TEXT    NOT NULL,
	seq         INTEGER NOT NULL,
	time        INTEGER NOT NULL,
	uncertainty INTEGER NOT NULL,
	gate        TEXT    NOT NULL,
	lane        TEXT    NOT NULL,
	PRIMARY KEY (event, number)
) STRICT;

-- Tickets that were found to be in conflict, in that order. What the conflict is
-- follows from the admissions.
CREATE TABLE conflict (
	event  INTEGER NOT NULL,
	number INTEGER NOT NULL,            -- 1, 2, 3 …
	ticket BLOB    NOT NULL,
	found  INTEGER NOT NULL,
	PRIMARY KEY (event, number),
	UNIQUE (event, ticket)
) STRICT;

CREATE TABLE incident (
	number   INTEGER PRIMARY KEY,
	device   TEXT    NOT NULL,
	kind     TEXT    NOT NULL,
	seq      INTEGER NOT NULL,
	found    INTEGER NOT NULL,
	detail   TEXT    NOT NULL,
	hash     BLOB    NOT NULL,          -- SHA-256 of the evidence
	evidence BLOB    NOT NULL,
	UNIQUE (device, kind, hash)
) STRICT;
