-- The outbox tells of more than tickets, and more than gates learn from it.

CREATE TABLE outbox_rebuilt (
	seq      INTEGER PRIMARY KEY,
	event    INTEGER NOT NULL,          -- 0 for none
	kind     TEXT    NOT NULL,
	account  TEXT,                      -- whom it concerns
	ticket   BLOB,
	status   INTEGER NOT NULL,          -- of that ticket, after the change; else 0
	purchase TEXT,
	body     TEXT,                      -- JSON, as the kind defines it; of ticket_new and ticket_rebind: ticket.Ticket
	at       INTEGER NOT NULL
) STRICT;
INSERT INTO outbox_rebuilt (seq, event, kind, ticket, status, body, at)
	SELECT seq, event, kind, ticket, status, body, at FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_rebuilt RENAME TO outbox;
CREATE INDEX outbox_event ON outbox (event, seq);

-- How far each consumer has come. The publisher has a cursor of its own.
CREATE TABLE outbox_cursor (
	consumer TEXT    PRIMARY KEY,
	seq      INTEGER NOT NULL
) STRICT;

-- Which of several centrals leads.
CREATE TABLE seat (
	name    TEXT    PRIMARY KEY,
	holder  TEXT    NOT NULL,           -- of that central; empty while nobody leads
	address TEXT    NOT NULL,           -- where the others reach it
	term    INTEGER NOT NULL,           -- grows with each new holder
	beat    INTEGER NOT NULL            -- grows as long as it lives
) STRICT;

-- Numbers that may have been used by a central whose database was restored since:
-- what is published next has greater ones.
CREATE TABLE publish_floor (
	event   INTEGER PRIMARY KEY,
	version INTEGER NOT NULL,
	delta   INTEGER NOT NULL,
	hash    BLOB    NOT NULL           -- that stands for the delta of that number
) STRICT;
