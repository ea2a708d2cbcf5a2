-- Tickets' tokens on chain: what each shall be and is, what is done about it, and whose
-- wallets they are in. Amounts are lamports. Addresses, hashes and signatures are
-- base58, as the chain's own tools write them.

-- A ticket is named without a foreign key: its token outlives whatever becomes of it.
CREATE TABLE token (
	ticket     BLOB    PRIMARY KEY,     -- 16 bytes
	event      INTEGER NOT NULL,
	account    TEXT    NOT NULL,        -- whose ticket it is
	address    TEXT    NOT NULL UNIQUE, -- of the mint
	claimed    INTEGER NOT NULL DEFAULT 0, -- 1 if its holder has asked for it
	want       TEXT    NOT NULL,        -- mint.Form that it shall have: held, free, burned; empty for none
	want_owner TEXT    NOT NULL,        -- wallet; empty for none and burned
	form       TEXT    NOT NULL DEFAULT '', -- that it has, as far as that is final
	owner      TEXT    NOT NULL DEFAULT '',
	stuck      TEXT    NOT NULL DEFAULT '', -- mint.Reason
	action     INTEGER NOT NULL DEFAULT 0, -- that is open, or that it is stuck at; 0 for none
	changed    INTEGER NOT NULL         -- since when it shall be, or is, as it says
) STRICT;
CREATE INDEX token_account ON token (account, ticket);
CREATE INDEX token_form ON token (form, ticket);
CREATE INDEX token_stuck ON token (ticket) WHERE stuck <> '';
CREATE INDEX token_unsettled ON token (changed, ticket)
	WHERE (want <> form OR want = 'held' AND want_owner <> owner) AND stuck = '' AND action = 0;

CREATE TABLE mint_action (
	id          INTEGER PRIMARY KEY,    -- 1, 2, 3 …
	kind        TEXT    NOT NULL,       -- mint.Kind
	event       INTEGER NOT NULL,
	ticket      BLOB    REFERENCES token (ticket), -- NULL for commit and group
	set_version INTEGER NOT NULL,       -- of commit; else 0
	root        BLOB,                   -- of commit; else NULL
	form        TEXT    NOT NULL,       -- that the token has afterwards
	from_owner  TEXT    NOT NULL,       -- wallets; empty for none
	to_owner    TEXT    NOT NULL,
	state       TEXT    NOT NULL,       -- mint.State
	reason      TEXT    NOT NULL,       -- mint.Reason
	attempt     INTEGER NOT NULL,       -- how often it was signed
	due         INTEGER NOT NULL,       -- when the worker looks at it again
	signature   TEXT    NOT NULL,       -- of the last signing
	last_height INTEGER NOT NULL,       -- of a block that it can still get into
	wire        BLOB,                   -- as it was signed; NULL before, and once it is closed
	slot        INTEGER NOT NULL,       -- that it landed in; 0 before
	fee         INTEGER NOT NULL,
	rent        INTEGER NOT NULL,       -- negative if it came back
	created     INTEGER NOT NULL,
	changed     INTEGER NOT NULL,
	rev         INTEGER NOT NULL        -- grows with each change
) STRICT;
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
	n    INTEGER NOT NULL
) STRICT;

-- The cluster that all of this is on.
CREATE TABLE mint_cluster (
	id      INTEGER PRIMARY KEY CHECK (id = 1),
	genesis TEXT    NOT NULL            -- hash of its first block
) STRICT;

-- What stands for the tickets of a published set.
CREATE TABLE mint_root (
	event   INTEGER NOT NULL,
	version INTEGER NOT NULL,           -- of the set
	root    BLOB    NOT NULL,           -- 32 bytes
	chunks  BLOB    NOT NULL,           -- 32 bytes for each chunk of the set, in order
	kept    INTEGER NOT NULL,
	PRIMARY KEY (event, version)
) STRICT;

-- Where the chain was found to be otherwise than this database says. Nothing is put
-- right by itself.
CREATE TABLE mint_difference (
	ticket  BLOB    NOT NULL,           -- 16 bytes; zero for what has no ticket
	event   INTEGER NOT NULL,
	address TEXT    NOT NULL,
	what    TEXT    NOT NULL,           -- mint.What
	want    TEXT    NOT NULL,
	got     TEXT    NOT NULL,
	found   INTEGER NOT NULL,           -- when it was first
	PRIMARY KEY (ticket, event, address, what)
) STRICT;

-- The seed of the wallets that are kept here, sealed under a key that is not here.
CREATE TABLE wallet_seed (
	id     INTEGER PRIMARY KEY CHECK (id = 1),
	sealed BLOB    NOT NULL
) STRICT;

CREATE TABLE wallet (
	account TEXT    PRIMARY KEY REFERENCES account (id),
	salt    BLOB    NOT NULL,           -- 32 bytes; with the seed it makes the key
	number  INTEGER NOT NULL,
	kept    TEXT    NOT NULL UNIQUE,    -- address of the wallet whose key that is
	linked  TEXT    UNIQUE,             -- address of the owner's own wallet; NULL for none
	since   INTEGER                     -- when it was linked
) STRICT;

-- What an account's owner shall sign with the key of their own wallet.
CREATE TABLE wallet_challenge (
	account TEXT    PRIMARY KEY REFERENCES account (id),
	nonce   TEXT    NOT NULL,
	address TEXT    NOT NULL,
	message TEXT    NOT NULL,
	expires INTEGER NOT NULL
) STRICT;
CREATE INDEX wallet_challenge_expires ON wallet_challenge (expires);
