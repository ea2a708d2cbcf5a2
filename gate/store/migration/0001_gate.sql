-- The first schema of a gate's database. Times named "time" are hybrid clock
-- values (48 bits of milliseconds, 16 of counter), others Unix seconds.

CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- How far something has come: the acknowledged journal entry, for one.
CREATE TABLE cursor (
	name TEXT PRIMARY KEY,
	seq  INTEGER NOT NULL,
	hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT, WITHOUT ROWID;

-- A loaded or loading version of a set. Its tickets carry its id, so that the
-- switch from one version to the next is one changed row in "event".
CREATE TABLE generation (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	event      INTEGER NOT NULL,
	version    INTEGER NOT NULL,
	hash       BLOB NOT NULL CHECK (length(hash) = 32),
	manifest   BLOB NOT NULL,
	rules      BLOB,
	status     BLOB,
	issued     INTEGER NOT NULL,
	expires    INTEGER NOT NULL,
	total      INTEGER NOT NULL,
	chunks     INTEGER NOT NULL,
	base_seq   INTEGER NOT NULL,
	base_hash  BLOB NOT NULL CHECK (length(base_hash) = 32),
	delta_seq  INTEGER NOT NULL,
	delta_hash BLOB NOT NULL CHECK (length(delta_hash) = 32)
) STRICT;

CREATE TABLE staged_chunk (
	generation INTEGER NOT NULL REFERENCES generation (id) ON DELETE CASCADE,
	chunk      INTEGER NOT NULL,
	count      INTEGER NOT NULL,
	PRIMARY KEY (generation, chunk)
) STRICT, WITHOUT ROWID;

-- One row for each event that this gate has heard of.
CREATE TABLE event (
	event   INTEGER PRIMARY KEY,
	current INTEGER REFERENCES generation (id),
	staged  INTEGER REFERENCES generation (id),
	ledger  INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE ticket (
	generation INTEGER NOT NULL,
	id         BLOB NOT NULL CHECK (length(id) = 16),
	zone       INTEGER NOT NULL,
	class      INTEGER NOT NULL,
	seat       TEXT NOT NULL,
	version    INTEGER NOT NULL,
	holder     BLOB,
	not_before INTEGER NOT NULL,
	not_after  INTEGER NOT NULL,
	flags      INTEGER NOT NULL,
	mint       BLOB,
	status     INTEGER NOT NULL,
	PRIMARY KEY (generation, id)
) STRICT, WITHOUT ROWID;

-- Tickets that came with a pass, verified, before the set knew them.
CREATE TABLE carried (
	event      INTEGER NOT NULL,
	id         BLOB NOT NULL CHECK (length(id) = 16),
	zone       INTEGER NOT NULL,
	class      INTEGER NOT NULL,
	seat       TEXT NOT NULL,
	version    INTEGER NOT NULL,
	holder     BLOB,
	not_before INTEGER NOT NULL,
	not_after  INTEGER NOT NULL,
	flags      INTEGER NOT NULL,
	mint       BLOB,
	PRIMARY KEY (event, id)
) STRICT, WITHOUT ROWID;

-- Verified deltas: those above the set's base, kept to be applied to the next
-- version too, and those that wait for one before them.
CREATE TABLE delta (
	event   INTEGER NOT NULL,
	seq     INTEGER NOT NULL,
	hash    BLOB NOT NULL CHECK (length(hash) = 32),
	payload BLOB NOT NULL,
	PRIMARY KEY (event, seq)
) STRICT;

CREATE TABLE journal (
	seq    INTEGER PRIMARY KEY,
	time   INTEGER NOT NULL,
	kind   INTEGER NOT NULL,
	refers INTEGER NOT NULL,
	entry  BLOB NOT NULL,
	hash   BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE INDEX journal_refers ON journal (refers) WHERE refers > 0;

-- An admission by this gate. Number nth of a ticket may exist only once, and
-- only after nth-1 exits: that is what makes two people with one ticket one.
CREATE TABLE claim (
	event  INTEGER NOT NULL,
	ticket BLOB NOT NULL CHECK (length(ticket) = 16),
	nth    INTEGER NOT NULL CHECK (nth > 0),
	seq    INTEGER NOT NULL UNIQUE REFERENCES journal (seq) DEFERRABLE INITIALLY DEFERRED,
	time   INTEGER NOT NULL,
	lane   TEXT NOT NULL,
	state  INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
	PRIMARY KEY (event, ticket, nth)
) STRICT, WITHOUT ROWID;

CREATE INDEX claim_reserved ON claim (seq) WHERE state = 1;

-- What other devices did, from their notices and from central's ledger, and
-- this gate's own exits. A void admission stays, because its news may arrive
-- before those of the admission itself.
CREATE TABLE seen (
	event  INTEGER NOT NULL,
	ticket BLOB NOT NULL CHECK (length(ticket) = 16),
	device TEXT NOT NULL,
	seq    INTEGER NOT NULL,
	kind   INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 2),
	time   INTEGER NOT NULL,
	void   INTEGER NOT NULL CHECK (void IN (0, 1)),
	PRIMARY KEY (event, ticket, device, seq)
) STRICT, WITHOUT ROWID;
