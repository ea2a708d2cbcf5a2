-- People, their passkeys and sessions. What lets somebody act is kept as a hash.

CREATE TABLE account (
	id       TEXT    PRIMARY KEY,       -- 128 bits in hexadecimal
	email    TEXT    NOT NULL UNIQUE,   -- normalised, not verified
	recovery BYTEA   NOT NULL,          -- SHA-256 of the recovery code with the id
	created  BIGINT  NOT NULL,
	changed  BIGINT  NOT NULL
);

-- A passkey that was replaced stays, so that it is never taken for a new one.
CREATE TABLE passkey (
	credential BYTEA   PRIMARY KEY,
	account    TEXT    NOT NULL REFERENCES account (id),
	public_key BYTEA   NOT NULL UNIQUE, -- compressed P-256 point
	transports TEXT    NOT NULL,        -- JSON array
	counter    BIGINT  NOT NULL,        -- the highest that was seen
	created    BIGINT  NOT NULL,
	used       BIGINT  NOT NULL,
	revoked    BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX passkey_account ON passkey (account, created);

CREATE TABLE session (
	hash       BYTEA   PRIMARY KEY,     -- SHA-256 of the token
	account    TEXT    NOT NULL REFERENCES account (id),
	credential BYTEA   NOT NULL REFERENCES passkey (credential),
	created    BIGINT  NOT NULL,
	expires    BIGINT  NOT NULL
);
CREATE INDEX session_account ON session (account, created);
CREATE INDEX session_expires ON session (expires);

-- Keys that were replaced while tickets may still be bound to them.
CREATE TABLE rekey (
	account  TEXT    NOT NULL REFERENCES account (id),
	from_key BYTEA   NOT NULL,
	to_key   BYTEA   NOT NULL,
	created  BIGINT  NOT NULL,
	expires  BIGINT  NOT NULL,          -- after which nothing can be bound to it any more
	PRIMARY KEY (account, from_key)
);
CREATE INDEX rekey_created ON rekey (created);
