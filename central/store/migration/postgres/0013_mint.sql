-- Tickets' tokens on chain: what each shall be and is, what is done about it, and whose
-- wallets they are in. Amounts are lamports. Addresses, hashes and signatures are
-- base58, as the chain's own tools write them.

-- A ticket is named without a foreign key: its token outlives whatever becomes of it.
CREATE TABLE token (
	ticket     BYTEA   PRIMARY KEY,     -- 16 bytes
	event      BIGINT  NOT NULL,
	account    TEXT    NOT NULL,        -- whose ticket it is
	address    TEXT    NOT NULL UNIQUE, -- of the mint
	claimed    BIGINT  NOT NULL DEFAULT 0, -- 1 if its holder has asked for it
	want       TEXT    NOT NULL,        -- mint.Form that it shall have: held, free, burned; empty for none
	want_owner TEXT    NOT NULL,        -- wallet; empty for none and burned
	form       TEXT    NOT NULL DEFAULT '', -- that it has, as far as that is final
	owner      TEXT    NOT NULL DEFAULT '',
	stuck      TEXT    NOT NULL DEFAULT '', -- mint.Reason
	action     BIGINT  NOT NULL DEFAULT 0, -- that is open, or that it is stuck at; 0 for none
	changed    BIGINT  NOT NULL         -- since when it shall be, or is, as it says
);
CREATE INDEX token_account ON token (account, ticket);
CREATE INDEX token_form ON token (form, ticket);
CREATE INDEX token_stuck ON token (ticket) WHERE stuck <> '';
CREATE INDEX token_unsettled ON token (changed, ticket)
	WHERE (want <> form OR want = 'held' AND want_owner <> owner) AND stuck = '' AND action = 0;

CREATE TABLE mint_action (
	id          BIGINT  PRIMARY KEY,    -- 1, 2, 3 …
	kind        TEXT    NOT NULL,       -- mint.Kind
	event       BIGINT  NOT NULL,
	ticket      BYTEA   REFERENCES token (ticket), -- NULL for commit and group
	set_version BIGINT  NOT NULL,       -- of commit; else 0
	root        BYTEA,                   -- of commit; else NULL
	form        TEXT    NOT NULL,       -- that the token has afterwards
	from_owner  TEXT    NOT NULL,       -- wallets; empty for none
	to_owner    TEXT    NOT NULL,
	state       TEXT    NOT NULL,       -- mint.State
	reason      TEXT    NOT NULL,       -- mint.Reason
	attempt     BIGINT  NOT NULL,       -- how often it was signed
	due         BIGINT  NOT NULL,       -- when the worker looks at it again
	signature   TEXT    NOT NULL,       -- of the last signing
	last_height BIGINT  NOT NULL,       -- of a block that it can still get into
	wire        BYTEA,                   -- as it was signed; NULL before, and once it is closed
	slot        BIGINT  NOT NULL,       -- that it landed in; 0 before
	fee         BIGINT  NOT NULL,
	rent        BIGINT  NOT NULL,       -- negative if it came back
	created     BIGINT  NOT NULL,
	changed     BIGINT  NOT NULL,
	rev         BIGINT  NOT NULL        -- grows with each change
);
CREATE INDEX mint_action_ticket ON mint_action (ticket, id);
CREATE UNIQUE INDEX mint_action_one ON mint_action (ticket) WHERE state IN ('wanted', 'prepared', 'sent', 'confirmed');
CREATE INDEX mint_action_due ON mint_action (due, id) WHERE state IN ('wanted', 'prepared', 'sent', 'confirmed');
CREATE INDEX mint_action_failed ON mint_action (id) WHERE state = 'failed';
CREATE INDEX mint_action_final ON mint_action (changed, id) WHERE state = 'finalized';
CREATE UNIQUE INDEX mint_action_set ON mint_action (event, set_version) WHERE kind = 'commit';
CREATE UNIQUE INDEX mint_action_group ON mint_action (event) WHERE kind = 'group' AND state NOT IN ('failed', 'dropped');

-- What closed actions come to: finalized and dropped (how many), fees, rent.
CREATE TABLE mint_total (
	name TEXT    PRIMARY KEY,
	n    BIGINT  NOT NULL
);

-- The cluster that all of this is on.
CREATE TABLE mint_cluster (
	id      BIGINT  PRIMARY KEY CHECK (id = 1),
	genesis TEXT    NOT NULL            -- hash of its first block
);

-- What stands for the tickets of a published set.
CREATE TABLE mint_root (
	event   BIGINT  NOT NULL,
	version BIGINT  NOT NULL,           -- of the set
	root    BYTEA   NOT NULL,           -- 32 bytes
	chunks  BYTEA   NOT NULL,           -- 32 bytes for each chunk of the set, in order
	kept    BIGINT  NOT NULL,
	PRIMARY KEY (event, version)
);

-- Where the chain was found to be otherwise than this database says. Nothing is put
-- right by itself.
CREATE TABLE mint_difference (
	ticket  BYTEA   NOT NULL,           -- 16 bytes; zero for what has no ticket
	event   BIGINT  NOT NULL,
	address TEXT    NOT NULL,
	what    TEXT    NOT NULL,           -- mint.What
	want    TEXT    NOT NULL,
	got     TEXT    NOT NULL,
	found   BIGINT  NOT NULL,           -- when it was first
	PRIMARY KEY (ticket, event, address, what)
);

-- The seed of the wallets that are kept here, sealed under a key that is not here.
CREATE TABLE wallet_seed (
	id     BIGINT  PRIMARY KEY CHECK (id = 1),
	sealed BYTEA   NOT NULL
);

CREATE TABLE wallet (
	account TEXT    PRIMARY KEY REFERENCES account (id),
	salt    BYTEA   NOT NULL,           -- 32 bytes; with the seed it makes the key
	number  BIGINT  NOT NULL,
	kept    TEXT    NOT NULL UNIQUE,    -- address of the wallet whose key that is
	linked  TEXT    UNIQUE,             -- address of the owner's own wallet; NULL for none
	since   BIGINT                      -- when it was linked
);

-- What an account's owner shall sign with the key of their own wallet.
CREATE TABLE wallet_challenge (
	account TEXT    PRIMARY KEY REFERENCES account (id),
	nonce   TEXT    NOT NULL,
	address TEXT    NOT NULL,
	message TEXT    NOT NULL,
	expires BIGINT  NOT NULL
);
CREATE INDEX wallet_challenge_expires ON wallet_challenge (expires);
