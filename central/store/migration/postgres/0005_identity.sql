-- Who owns a ticket and who may. Accounts are named as the account tables name
-- them, without a foreign key: a ticket outlives its owner's account.

ALTER TABLE purchase ADD COLUMN owner TEXT;           -- account that ordered; NULL for nobody
ALTER TABLE purchase ADD COLUMN keeper TEXT;          -- account that the ticket will belong to
CREATE INDEX purchase_owner ON purchase (owner) WHERE owner IS NOT NULL;

-- An accreditation is a ticket that nobody bought, so purchase becomes nullable.
ALTER TABLE ticket ALTER COLUMN purchase DROP NOT NULL;
ALTER TABLE ticket ADD COLUMN owner TEXT;             -- account; NULL if it belongs to whoever has the order's secret
ALTER TABLE ticket ADD COLUMN version BIGINT;         -- as in the body
ALTER TABLE ticket ADD COLUMN holder TEXT;            -- as in the body; NULL for paper
ALTER TABLE ticket ADD COLUMN changed BIGINT;         -- last bound to another key, or issued
UPDATE ticket SET version = COALESCE((body::json ->> 'version')::BIGINT, 1), holder = body::json ->> 'holder', changed = issued;
ALTER TABLE ticket ALTER COLUMN version SET NOT NULL;
ALTER TABLE ticket ALTER COLUMN changed SET NOT NULL;
CREATE INDEX ticket_owner ON ticket (owner, issued) WHERE owner IS NOT NULL;

-- Who owned a ticket before, and up to which version of it.
CREATE TABLE ticket_past (
	ticket  BYTEA   NOT NULL REFERENCES ticket (id),
	version BIGINT  NOT NULL,
	owner   TEXT    NOT NULL,
	until   BIGINT  NOT NULL,
	PRIMARY KEY (ticket, version)
);
CREATE INDEX ticket_past_owner ON ticket_past (owner);

-- One DID an account, one account a DID.
CREATE TABLE holder_did (
	account TEXT    PRIMARY KEY,
	did     TEXT    NOT NULL UNIQUE,
	holder  TEXT    NOT NULL,           -- its P-256 key, as tickets have holders
	proved  BIGINT  NOT NULL
);

-- Registrars and accreditors whose credentials are believed. They ride in the
-- trust list.
CREATE TABLE issuer (
	did   TEXT    PRIMARY KEY,
	body  TEXT    NOT NULL,             -- trust.Issuer, JSON
	added BIGINT  NOT NULL
);

-- The newest status list of each address.
CREATE TABLE status_list (
	url     TEXT    PRIMARY KEY,
	issuer  TEXT    NOT NULL,
	jwt     BYTEA   NOT NULL,
	issued  BIGINT  NOT NULL,
	expires BIGINT  NOT NULL,
	stored  BIGINT  NOT NULL
);

CREATE TABLE credential (
	number       BIGINT  PRIMARY KEY,   -- 1, 2, 3 …
	id           TEXT    NOT NULL,      -- the issuer's
	issuer       TEXT    NOT NULL,
	type         TEXT    NOT NULL,      -- family, age, staff
	account      TEXT    NOT NULL,
	subject      TEXT    NOT NULL,      -- DID of the account when it was shown
	relation     TEXT    NOT NULL,      -- of family: the word; else empty
	relative     TEXT    NOT NULL,      -- of family: the other's DID; else empty
	age          BIGINT  NOT NULL,      -- of age: years; else 0
	role         TEXT    NOT NULL,      -- of staff: for people; else empty
	class        BIGINT  NOT NULL,      -- of staff: of the tickets that it is worth; else 0
	issued       BIGINT  NOT NULL,
	expires      BIGINT  NOT NULL,
	status_url   TEXT    NOT NULL,      -- empty for none
	status_index BIGINT  NOT NULL,
	state        TEXT    NOT NULL,      -- valid, revoked, removed, replaced
	jwt          BYTEA   NOT NULL,
	stored       BIGINT  NOT NULL,
	changed      BIGINT  NOT NULL
);
CREATE UNIQUE INDEX credential_valid ON credential (issuer, id) WHERE state = 'valid';
CREATE INDEX credential_account ON credential (account, number);
CREATE INDEX credential_subject ON credential (subject) WHERE state = 'valid' AND type = 'family';
CREATE INDEX credential_relative ON credential (relative) WHERE state = 'valid' AND type = 'family';
CREATE INDEX credential_status ON credential (status_url, number) WHERE state = 'valid';

-- The tickets that a staff credential is worth. They may not exist yet, nor the
-- events: what stands here is worked off until it is so.
CREATE TABLE accreditation (
	credential BIGINT  NOT NULL REFERENCES credential (number),
	event      BIGINT  NOT NULL,
	ticket     BYTEA   NOT NULL,
	PRIMARY KEY (credential, event)
);
CREATE INDEX accreditation_ticket ON accreditation (ticket);

-- A ticket that is offered to a relative.
CREATE TABLE transfer (
	id       TEXT    PRIMARY KEY,
	ticket   BYTEA   NOT NULL REFERENCES ticket (id),
	event    BIGINT  NOT NULL REFERENCES event (id),
	version  BIGINT  NOT NULL,          -- of the ticket when it was offered
	giver    TEXT    NOT NULL,          -- accounts
	receiver TEXT    NOT NULL,
	from_key TEXT    NOT NULL,          -- holder keys that both sides sign for
	to_key   TEXT    NOT NULL,
	state    TEXT    NOT NULL,          -- open, accepted, declined, cancelled, overtaken
	created  BIGINT  NOT NULL,
	expires  BIGINT  NOT NULL,
	changed  BIGINT  NOT NULL
);
CREATE INDEX transfer_giver ON transfer (giver, created);
CREATE INDEX transfer_receiver ON transfer (receiver, created);
CREATE INDEX transfer_ticket ON transfer (ticket) WHERE state = 'open';

-- A relative is asked to book. What became of it follows from its purchase.
CREATE TABLE ask (
	id         TEXT    PRIMARY KEY,
	asker      TEXT    NOT NULL,        -- accounts
	booker     TEXT    NOT NULL,
	holder     TEXT    NOT NULL,        -- the asker's key, which the ticket will be bound to
	event      BIGINT  NOT NULL REFERENCES event (id),
	zone       BIGINT  NOT NULL,
	class      BIGINT  NOT NULL,
	seat       TEXT    NOT NULL,        -- empty for any
	max_amount BIGINT  NOT NULL,
	state      TEXT    NOT NULL,        -- open, declined, cancelled
	purchase   TEXT    REFERENCES purchase (id), -- the newest order for it
	created    BIGINT  NOT NULL,
	expires    BIGINT  NOT NULL,
	changed    BIGINT  NOT NULL
);
CREATE INDEX ask_asker ON ask (asker, created);
CREATE INDEX ask_booker ON ask (booker, created);
