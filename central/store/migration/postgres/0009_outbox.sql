-- The outbox tells of more than tickets, and more than gates learn from it.

ALTER TABLE outbox ALTER COLUMN ticket DROP NOT NULL;
ALTER TABLE outbox ADD COLUMN account  TEXT;  -- whom it concerns
ALTER TABLE outbox ADD COLUMN purchase TEXT;

-- How far each consumer has come. The publisher has a cursor of its own.
CREATE TABLE outbox_cursor (
	consumer TEXT   PRIMARY KEY,
	seq      BIGINT NOT NULL
);

-- Which of several centrals leads.
CREATE TABLE seat (
	name    TEXT   PRIMARY KEY,
	holder  TEXT   NOT NULL,            -- of that central; empty while nobody leads
	address TEXT   NOT NULL,            -- where the others reach it
	term    BIGINT NOT NULL,            -- grows with each new holder
	beat    BIGINT NOT NULL             -- grows as long as it lives
);

-- Numbers that may have been used by a central whose database was restored since:
-- what is published next has greater ones.
CREATE TABLE publish_floor (
	event   BIGINT  PRIMARY KEY,
	version BIGINT  NOT NULL,
	delta   BIGINT  NOT NULL,
	hash    BYTEA   NOT NULL           -- that stands for the delta of that number
);
