-- People, their passkeys and sessions. What lets somebody act is kept as a hash.

CREATE TABLE account (
	id       TEXT    PRIMARY KEY,       -- 128 bits in hexadecimal
	email    TEXT    NOT NULL UNIQUE,   -- normalised, not verified
	recovery BLOB    NOT NULL,          -- SHA-256 of the recovery code with the id
	created  INTEGER NOT NULL,
	changed  INTEGER NOT NULL
) STRICT;

-- A passkey that was replaced stays, so that it is never taken for a new one.
CREATE TABLE passkey (
	credential BLOB    PRIMARY KEY,
	account    TEXT    NOT NULL REFERENCES account (id),
	public_key BLOB    NOT NULL UNIQUE, -- compressed P-256 point
	transports TEXT    NOT NULL,        -- JSON array
	counter    INTEGER NOT NULL,        -- the highest that was seen
	created    INTEGER NOT NULL,
	used       INTEGER NOT NULL,
	revoked    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX passkey_account ON passkey (account, created);

CREATE TABLE session (
	hash       BLOB    PRIMARY KEY,     -- SHA-256 of the token
	account    TEXT    NOT NULL REFERENCES account (id),
	credential BLOB    NOT NULL REFERENCES passkey (credential),
	created    INTEGER NOT NULL,
	expires    INTEGER NOT NULL
) STRICT;
CREATE INDEX session_account ON session (account, created);
CREATE INDEX session_expires ON session (expires);

-- Keys that were replaced while tickets may still be bound to them.
CREATE TABLE rekey (
	account  TEXT    NOT NULL REFERENCES account (id),
	from_key BLOB    NOT NULL,
	to_key   BLOB    NOT NULL,
	created  INTEGER NOT NULL,
	expires  INTEGER NOT NULL,          -- after which nothing can be bound to it any more
	PRIMARY KEY (account, from_key)
) STRICT;
CREATE INDEX rekey_created ON rekey (created);
