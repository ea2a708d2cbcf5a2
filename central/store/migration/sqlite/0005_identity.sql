-- Who owns a ticket and who may. Accounts are named as the account tables name
-- them, without a foreign key: a ticket outlives its owner's account.

ALTER TABLE purchase ADD COLUMN owner TEXT;           -- account that ordered; NULL for nobody
ALTER TABLE purchase ADD COLUMN keeper TEXT;          -- account that the ticket will belong to
CREATE INDEX purchase_owner ON purchase (owner) WHERE owner IS NOT NULL;

-- An accreditation is a ticket that nobody bought, so purchase becomes nullable.
-- No table refers to ticket: it can be replaced within the transaction.
CREATE TABLE ticket_rebuilt (
	id       BLOB    PRIMARY KEY,       -- 16 bytes
	event    INTEGER NOT NULL REFERENCES event (id),
	purchase TEXT    REFERENCES purchase (id), -- NULL for an accreditation
	owner    TEXT,                      -- account; NULL if it belongs to whoever has the order's secret
	version  INTEGER NOT NULL,          -- as in the body
	holder   TEXT,                      -- as in the body; NULL for paper
	status   INTEGER NOT NULL,          -- ticket.Status
	body     TEXT    NOT NULL,          -- ticket.Ticket, JSON
	signed   BLOB    NOT NULL,          -- what the holder's device carries
	issued   INTEGER NOT NULL,
	changed  INTEGER NOT NULL           -- last bound to another key, or issued
) STRICT;
INSERT INTO ticket_rebuilt (id, event, purchase, owner, version, holder, status, body, signed, issued, changed)
	SELECT id, event, purchase, NULL, COALESCE(body ->> 'version', 1), body ->> 'holder',
		status, body, signed, issued, issued FROM ticket;
DROP TABLE ticket;
ALTER TABLE ticket_rebuilt RENAME TO ticket;
CREATE INDEX ticket_event ON ticket (event, id);
CREATE INDEX ticket_purchase ON ticket (purchase);
CREATE INDEX ticket_owner ON ticket (owner, issued) WHERE owner IS NOT NULL;

-- Who owned a ticket before, and up to which version of it.
CREATE TABLE ticket_past (
	ticket  BLOB    NOT NULL REFERENCES ticket (id),
	version INTEGER NOT NULL,
	owner   TEXT    NOT NULL,
	until   INTEGER NOT NULL,
	PRIMARY KEY (ticket, version)
) STRICT;
CREATE INDEX ticket_past_owner ON ticket_past (owner);

-- One DID an account, one account a DID.
CREATE TABLE holder_did (
	account TEXT    PRIMARY KEY,
	did     TEXT    NOT NULL UNIQUE,
	holder  TEXT    NOT NULL,           -- its P-256 key, as tickets have holders
	proved  INTEGER NOT NULL
) STRICT;

-- Registrars and accreditors whose credentials are believed. They ride in the
-- trust list.
CREATE TABLE issuer (
	did   TEXT    PRIMARY KEY,
	body  TEXT    NOT NULL,             -- trust.Issuer, JSON
	added INTEGER NOT NULL
) STRICT;

-- The newest status list of each address.
CREATE TABLE status_list (
	url     TEXT    PRIMARY KEY,
	issuer  TEXT    NOT NULL,
	jwt     BLOB    NOT NULL,
	issued  INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	stored  INTEGER NOT NULL
) STRICT;

CREATE TABLE credential (
	number       INTEGER PRIMARY KEY,   -- 1, 2, 3 …
	id           TEXT    NOT NULL,      -- the issuer's
	issuer       TEXT    NOT NULL,
	type         TEXT    NOT NULL,      -- family, age, staff
	account      TEXT    NOT NULL,
	subject      TEXT    NOT NULL,      -- DID of the account when it was shown
	relation     TEXT    NOT NULL,      -- of family: the word; else empty
	relative     TEXT    NOT NULL,      -- of family: the other's DID; else empty
	age          INTEGER NOT NULL,      -- of age: years; else 0
	role         TEXT    NOT NULL,      -- of staff: for people; else empty
	class        INTEGER NOT NULL,      -- of staff: of the tickets that it is worth; else 0
	issued       INTEGER NOT NULL,
	expires      INTEGER NOT NULL,
	status_url   TEXT    NOT NULL,      -- empty for none
	status_index INTEGER NOT NULL,
	state        TEXT    NOT NULL,      -- valid, revoked, removed, replaced
	jwt          BLOB    NOT NULL,
	stored       INTEGER NOT NULL,
	changed      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX credential_valid ON credential (issuer, id) WHERE state = 'valid';
CREATE INDEX credential_account ON credential (account, number);
CREATE INDEX credential_subject ON credential (subject) WHERE state = 'valid' AND type = 'family';
CREATE INDEX credential_relative ON credential (relative) WHERE state = 'valid' AND type = 'family';
CREATE INDEX credential_status ON credential (status_url, number) WHERE state = 'valid';

-- The tickets that a staff credential is worth. They may not exist yet, nor the
-- events: what stands here is worked off until it is so.
CREATE TABLE accreditation (
	credential INTEGER NOT NULL REFERENCES credential (number),
	event      INTEGER NOT NULL,
	ticket     BLOB    NOT NULL,
	PRIMARY KEY (credential, event)
) STRICT;
CREATE INDEX accreditation_ticket ON accreditation (ticket);

-- A ticket that is offered to a relative.
CREATE TABLE transfer (
	id       TEXT    PRIMARY KEY,
	ticket   BLOB    NOT NULL REFERENCES ticket (id),
	event    INTEGER NOT NULL REFERENCES event (id),
	version  INTEGER NOT NULL,          -- of the ticket when it was offered
	giver    TEXT    NOT NULL,          -- accounts
	receiver TEXT    NOT NULL,
	from_key TEXT    NOT NULL,          -- holder keys that both sides sign for
	to_key   TEXT    NOT NULL,
	state    TEXT    NOT NULL,          -- open, accepted, declined, cancelled, overtaken
	created  INTEGER NOT NULL,
	expires  INTEGER NOT NULL,
	changed  INTEGER NOT NULL
) STRICT;
CREATE INDEX transfer_giver ON transfer (giver, created);
CREATE INDEX transfer_receiver ON transfer (receiver, created);
CREATE INDEX transfer_ticket ON transfer (ticket) WHERE state = 'open';

-- A relative is asked to book. What became of it follows from its purchase.
CREATE TABLE ask (
	id         TEXT    PRIMARY KEY,
	asker      TEXT    NOT NULL,        -- accounts
	booker     TEXT    NOT NULL,
	holder     TEXT    NOT NULL,        -- the asker's key, which the ticket will be bound to
	event      INTEGER NOT NULL REFERENCES event (id),
	zone       INTEGER NOT NULL,
	class      INTEGER NOT NULL,
	seat       TEXT    NOT NULL,        -- empty for any
	max_amount INTEGER NOT NULL,
	state      TEXT    NOT NULL,        -- open, declined, cancelled
	purchase   TEXT    REFERENCES purchase (id), -- the newest order for it
	created    INTEGER NOT NULL,
	expires    INTEGER NOT NULL,
	changed    INTEGER NOT NULL
) STRICT;
CREATE INDEX ask_asker ON ask (asker, created);
CREATE INDEX ask_booker ON ask (booker, created);
