-- Times whose names end in _s are Unix seconds, as certificates have them.

CREATE TABLE enrol_code (
	hash      BLOB    PRIMARY KEY,      -- SHA-256 of the code
	device    TEXT    NOT NULL,         -- the id that it enrols
	role      TEXT    NOT NULL,
	gate      TEXT    NOT NULL,
	events    TEXT    NOT NULL,         -- JSON array of event ids
	created_s INTEGER NOT NULL,
	expires_s INTEGER NOT NULL,
	used_s    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX enrol_code_expires ON enrol_code (expires_s);

CREATE TABLE device (
	id         TEXT    PRIMARY KEY,
	role       TEXT    NOT NULL,
	gate       TEXT    NOT NULL,
	events     TEXT    NOT NULL,        -- JSON array of event ids
	enrolled_s INTEGER NOT NULL,
	expires_s  INTEGER NOT NULL,        -- of its newest certificate
	revoked_s  INTEGER NOT NULL DEFAULT 0,

	-- what the device last said of itself
	epoch      INTEGER NOT NULL DEFAULT 0,
	online     INTEGER NOT NULL DEFAULT 0,
	version    TEXT    NOT NULL DEFAULT '',
	set_held   INTEGER NOT NULL DEFAULT 0,
	delta_held INTEGER NOT NULL DEFAULT 0,
	unacked    INTEGER NOT NULL DEFAULT 0,
	said_s     INTEGER NOT NULL DEFAULT 0,
	heard_s    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE certificate (
	serial    TEXT    PRIMARY KEY,
	device    TEXT    NOT NULL REFERENCES device (id),
	der       BLOB    NOT NULL,
	issued_s  INTEGER NOT NULL,
	expires_s INTEGER NOT NULL,
	n         INTEGER NOT NULL          -- order of issue
) STRICT;
CREATE INDEX certificate_device ON certificate (device, n);

CREATE TABLE trust_list (
	version INTEGER PRIMARY KEY,
	data    BLOB   NOT NULL,
	stored  INTEGER NOT NULL
) STRICT;
