-- Accounts with a password, letters, and sessions that no passkey opened.

ALTER TABLE account ADD COLUMN verified BIGINT  NOT NULL DEFAULT 0;       -- when the address was confirmed; 0 for never
ALTER TABLE account ADD COLUMN role     TEXT    NOT NULL DEFAULT 'attendee'; -- attendee, box_office, admin
ALTER TABLE account ADD COLUMN language TEXT    NOT NULL DEFAULT 'en';    -- of its letters

CREATE TABLE password (
	account TEXT    PRIMARY KEY REFERENCES account (id),
	hash    TEXT    NOT NULL,           -- argon2id, in the PHC string format
	changed BIGINT  NOT NULL
);

ALTER TABLE session ALTER COLUMN credential DROP NOT NULL; -- NULL if a password opened it
ALTER TABLE session ADD COLUMN agent TEXT NOT NULL DEFAULT ''; -- what it was opened with, in its own words

-- A letter that waits to be sent, or whose link still works. What the link carries
-- is not here: it follows from id and topic, and a key that is not in the database.
CREATE TABLE letter (
	id       BYTEA   PRIMARY KEY,       -- 16 bytes
	topic    TEXT    NOT NULL,
	email    TEXT    NOT NULL,
	account  TEXT    NOT NULL,          -- whom it is about; empty for whoever has the address
	language TEXT    NOT NULL,
	facts    TEXT    NOT NULL,          -- account.Facts, JSON
	created  BIGINT  NOT NULL,
	expires  BIGINT  NOT NULL,
	due      BIGINT,                    -- when to send it; NULL if that is done
	tries    BIGINT  NOT NULL
);
CREATE INDEX letter_due ON letter (due) WHERE due IS NOT NULL;
CREATE INDEX letter_email ON letter (email, topic);
CREATE INDEX letter_expires ON letter (expires);

-- Tries to sign in, by address and by source, which the key does not tell.
CREATE TABLE attempt (
	key     BYTEA   PRIMARY KEY,        -- HMAC-SHA-256
	tries   BIGINT  NOT NULL,
	free_at BIGINT  NOT NULL,           -- when the next may be
	last    BIGINT  NOT NULL
);
CREATE INDEX attempt_last ON attempt (last);
