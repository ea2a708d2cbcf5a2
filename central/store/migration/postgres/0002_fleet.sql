-- Times whose names end in _s are Unix seconds, as certificates have them.

CREATE TABLE enrol_code (
	hash      BYTEA   PRIMARY KEY,      -- SHA-256 of the code
	device    TEXT    NOT NULL,         -- the id that it enrols
	role      TEXT    NOT NULL,
	gate      TEXT    NOT NULL,
	events    TEXT    NOT NULL,         -- JSON array of event ids
	created_s BIGINT  NOT NULL,
	expires_s BIGINT  NOT NULL,
	used_s    BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX enrol_code_expires ON enrol_code (expires_s);

CREATE TABLE device (
	id         TEXT    PRIMARY KEY,
	role       TEXT    NOT NULL,
	gate       TEXT    NOT NULL,
	events     TEXT    NOT NULL,        -- JSON array of event ids
	enrolled_s BIGINT  NOT NULL,
	expires_s  BIGINT  NOT NULL,        -- of its newest certificate
	revoked_s  BIGINT  NOT NULL DEFAULT 0,

	-- what the device last said of itself
	epoch      BIGINT  NOT NULL DEFAULT 0,
	online     BIGINT  NOT NULL DEFAULT 0,
	version    TEXT    NOT NULL DEFAULT '',
	set_held   BIGINT  NOT NULL DEFAULT 0,
	delta_held BIGINT  NOT NULL DEFAULT 0,
	unacked    BIGINT  NOT NULL DEFAULT 0,
	said_s     BIGINT  NOT NULL DEFAULT 0,
	heard_s    BIGINT  NOT NULL DEFAULT 0
);

CREATE TABLE certificate (
	serial    TEXT    PRIMARY KEY,
	device    TEXT    NOT NULL REFERENCES device (id),
	der       BYTEA   NOT NULL,
	issued_s  BIGINT  NOT NULL,
	expires_s BIGINT  NOT NULL,
	n         BIGINT  NOT NULL          -- order of issue
);
CREATE INDEX certificate_device ON certificate (device, n);

CREATE TABLE trust_list (
	version BIGINT  PRIMARY KEY,
	data    BYTEA  NOT NULL,
	stored  BIGINT  NOT NULL
);
