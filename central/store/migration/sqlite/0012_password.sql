-- Accounts with a password, letters, and sessions that no passkey opened.

ALTER TABLE account ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;       -- when the address was confirmed; 0 for never
ALTER TABLE account ADD COLUMN role     TEXT    NOT NULL DEFAULT 'attendee'; -- attendee, box_office, admin
ALTER TABLE account ADD COLUMN language TEXT    NOT NULL DEFAULT 'en';    -- of its letters

CREATE TABLE password (
	account TEXT    PRIMARY KEY REFERENCES account (id),
	hash    TEXT    NOT NULL,           -- argon2id, in the PHC string format
	changed INTEGER NOT NULL
) STRICT;

-- No table refers to session: it can be replaced within the transaction.
CREATE TABLE session_rebuilt (
	hash       BLOB    PRIMARY KEY,     -- SHA-256 of the token
	account    TEXT    NOT NULL REFERENCES account (id),
	credential BLOB    REFERENCES passkey (credential), -- NULL if a password opened it
	agent      TEXT    NOT NULL,        -- what it was opened with, in its own words
	created    INTEGER NOT NULL,
	expires    INTEGER NOT NULL
) STRICT;
INSERT INTO session_rebuilt (hash, account, credential, agent, created, expires)
	SELECT hash, account, credential, '', created, expires FROM session;
DROP TABLE session;
ALTER TABLE session_rebuilt RENAME TO session;
CREATE INDEX session_account ON session (account, created);
CREATE INDEX session_expires ON session (expires);

-- A letter that waits to be sent, or whose link still works. What the link carries
-- is not here: it follows from id and topic, and a key that is not in the database.
CREATE TABLE letter (
	id       BLOB    PRIMARY KEY,       -- 16 bytes
	topic    TEXT    NOT NULL,
	email    TEXT    NOT NULL,
	account  TEXT    NOT NULL,          -- whom it is about; empty for whoever has the address
	language TEXT    NOT NULL,
	facts    TEXT    NOT NULL,          -- account.Facts, JSON
	created  INTEGER NOT NULL,
	expires  INTEGER NOT NULL,
	due      INTEGER,                   -- when to send it; NULL if that is done
	tries    INTEGER NOT NULL
) STRICT;
CREATE INDEX letter_due ON letter (due) WHERE due IS NOT NULL;
CREATE INDEX letter_email ON letter (email, topic);
CREATE INDEX letter_expires ON letter (expires);

-- Tries to sign in, by address and by source, which the key does not tell.
CREATE TABLE attempt (
	key     BLOB    PRIMARY KEY,        -- HMAC-SHA-256
	tries   INTEGER NOT NULL,
	free_at INTEGER NOT NULL,           -- when the next may be
	last    INTEGER NOT NULL
) STRICT;
CREATE INDEX attempt_last ON attempt (last);
