-- Times are Unix milliseconds. Amounts are integers in the currency's smallest unit.

-- Numbers without gaps, one row for each sequence.
CREATE TABLE counter (
	name TEXT PRIMARY KEY,
	n    BIGINT  NOT NULL
);

CREATE TABLE event (
	id        BIGINT  PRIMARY KEY,
	rules     TEXT    NOT NULL,         -- ticket.Event, JSON
	currency  TEXT    NOT NULL,         -- ISO 4217
	plan_hash BYTEA   NOT NULL,         -- SHA-256 of the imported plan
	imported  BIGINT  NOT NULL
);

CREATE TABLE price (
	event  BIGINT  NOT NULL REFERENCES event (id),
	zone   BIGINT  NOT NULL,
	class  BIGINT  NOT NULL,
	amount BIGINT  NOT NULL,
	PRIMARY KEY (event, zone, class)
);

-- One row for each person that a zone holds, seated or standing. free_at says
-- everything about a place: 0 is free, a time is held until then, the greatest
-- integer is sold.
CREATE TABLE place (
	event    BIGINT  NOT NULL REFERENCES event (id),
	zone     BIGINT  NOT NULL,
	number   BIGINT  NOT NULL,          -- 1, 2, 3 … within the zone
	seat     TEXT    NOT NULL,          -- label; empty where people stand
	flags    BIGINT  NOT NULL,          -- ticket.Flags of a ticket for this place
	free_at  BIGINT  NOT NULL,
	purchase TEXT,                      -- who holds or held it last
	PRIMARY KEY (event, zone, number)
);
CREATE UNIQUE INDEX place_seat ON place (event, zone, seat) WHERE seat <> '';
CREATE INDEX place_free ON place (event, zone, free_at, number);
CREATE INDEX place_purchase ON place (purchase);

CREATE TABLE purchase (
	id          TEXT    PRIMARY KEY,
	event       BIGINT  NOT NULL REFERENCES event (id),
	zone        BIGINT  NOT NULL,
	class       BIGINT  NOT NULL,
	place       BIGINT  NOT NULL,
	seat        TEXT    NOT NULL,
	flags       BIGINT  NOT NULL,
	holder      BYTEA,                  -- compressed P-256 point; NULL for paper
	amount      BIGINT  NOT NULL,
	currency    TEXT    NOT NULL,
	state       TEXT    NOT NULL,       -- held, paying, paid, lapsed, refunded
	secret_hash BYTEA   NOT NULL,       -- SHA-256 of the secret that its owner has
	created     BIGINT  NOT NULL,
	expires     BIGINT  NOT NULL,       -- when the hold ends
	changed     BIGINT  NOT NULL,
	payment     TEXT                    -- the payment in progress, or the one that paid
);

CREATE TABLE payment (
	id        TEXT    PRIMARY KEY,      -- ours; the provider's idempotency keys derive from it
	purchase  TEXT    NOT NULL REFERENCES purchase (id),
	provider  TEXT    NOT NULL,
	reference TEXT    NOT NULL,         -- the provider's name for it
	amount    BIGINT  NOT NULL,
	currency  TEXT    NOT NULL,
	state     TEXT    NOT NULL,         -- begun, succeeded, failed, refund_due, refunded
	created   BIGINT  NOT NULL,
	changed   BIGINT  NOT NULL
);
CREATE INDEX payment_purchase ON payment (purchase);
CREATE INDEX payment_open ON payment (changed) WHERE state IN ('begun', 'refund_due');

CREATE TABLE ticket (
	id       BYTEA   PRIMARY KEY,       -- 16 bytes
	event    BIGINT  NOT NULL REFERENCES event (id),
	purchase TEXT    NOT NULL REFERENCES purchase (id),
	status   BIGINT  NOT NULL,          -- ticket.Status
	body     TEXT    NOT NULL,          -- ticket.Ticket, JSON
	signed   BYTEA   NOT NULL,          -- what the holder's device carries
	issued   BIGINT  NOT NULL
);
CREATE INDEX ticket_event ON ticket (event, id);
CREATE INDEX ticket_purchase ON ticket (purchase);

-- What gates must be told, in the order in which it became true. seq has no
-- gaps; a row stands in the same transaction as the change it tells of.
CREATE TABLE outbox (
	seq    BIGINT  PRIMARY KEY,
	event  BIGINT  NOT NULL,
	kind   TEXT    NOT NULL,            -- ticket_new, ticket_status
	ticket BYTEA   NOT NULL,
	status BIGINT  NOT NULL,
	body   TEXT,                        -- of ticket_new: ticket.Ticket, JSON
	at     BIGINT  NOT NULL
);
CREATE INDEX outbox_event ON outbox (event, seq);

-- Challenges that proved possession of a key once and must not do so again.
CREATE TABLE challenge_used (
	challenge BYTEA   PRIMARY KEY,
	expires   BIGINT  NOT NULL
);
CREATE INDEX challenge_expires ON challenge_used (expires);

-- Answers to requests that carried an Idempotency-Key.
CREATE TABLE idempotency (
	key      BYTEA   PRIMARY KEY,       -- SHA-256 of scope and key
	request  BYTEA   NOT NULL,          -- SHA-256 of what was asked
	status   BIGINT  NOT NULL,          -- HTTP status; 0 while the answer is being made
	response BYTEA,                     -- sealed under the Idempotency-Key itself
	started  BIGINT  NOT NULL
);
CREATE INDEX idempotency_started ON idempotency (started);
