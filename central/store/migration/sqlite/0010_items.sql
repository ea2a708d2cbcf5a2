-- An order is for one to eight places: what was its place is its first item now.
CREATE TABLE item (
	purchase TEXT    NOT NULL REFERENCES purchase (id),
	n        INTEGER NOT NULL,          -- 1, 2, 3 … within the order
	zone     INTEGER NOT NULL,
	class    INTEGER NOT NULL,
	place    INTEGER NOT NULL,
	seat     TEXT    NOT NULL,          -- empty where people stand
	flags    INTEGER NOT NULL,          -- ticket.Flags
	holder   BLOB,                      -- compressed P-256 point; NULL for paper
	keeper   TEXT,                      -- account that the ticket will belong to
	ask      TEXT,                      -- what a relative asked for
	amount   INTEGER NOT NULL,
	PRIMARY KEY (purchase, n)
) STRICT;
INSERT INTO item (purchase, n, zone, class, place, seat, flags, holder, keeper, ask, amount)
	SELECT p.id, 1, p.zone, p.class, p.place, p.seat, p.flags, p.holder, p.keeper,
		(SELECT MIN(a.id) FROM ask a WHERE a.purchase = p.id), p.amount
	FROM purchase p;
DROP INDEX purchase_paying;
CREATE INDEX item_keeper ON item (keeper) WHERE keeper IS NOT NULL;
ALTER TABLE purchase DROP COLUMN zone;
ALTER TABLE purchase DROP COLUMN class;
ALTER TABLE purchase DROP COLUMN place;
ALTER TABLE purchase DROP COLUMN seat;
ALTER TABLE purchase DROP COLUMN flags;
ALTER TABLE purchase DROP COLUMN holder;
ALTER TABLE purchase DROP COLUMN keeper;
DROP INDEX purchase_owner;
CREATE INDEX purchase_owner ON purchase (owner, created, id) WHERE owner IS NOT NULL;
CREATE INDEX purchase_paid ON purchase (event, id) WHERE state = 'paid'; -- for a cancellation

-- Which item of its order a ticket is for.
ALTER TABLE ticket ADD COLUMN item INTEGER NOT NULL DEFAULT 1;

-- How the event is sold, and whether it was called off.
ALTER TABLE event ADD COLUMN terms TEXT NOT NULL DEFAULT '{}'; -- seatmap.Terms, JSON
ALTER TABLE event ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0; -- when; 0 for not
CREATE INDEX event_cancelled ON event (cancelled) WHERE cancelled > 0;

-- Where a place is. Seats of one run are side by side and have numbers in a row;
-- best counts from the zone's best place.
ALTER TABLE place ADD COLUMN run INTEGER NOT NULL DEFAULT 0; -- number of its first seat; 0 where people stand
ALTER TABLE place ADD COLUMN best INTEGER NOT NULL DEFAULT 0;
ALTER TABLE place ADD COLUMN offer TEXT;                     -- that keeps it; NULL for none
UPDATE place SET best = number;
UPDATE place SET run = x.first FROM (
		SELECT event, zone, number, MIN(number) OVER (PARTITION BY event, zone, rtrim(seat, '0123456789')) AS first
		FROM place WHERE seat <> '') x
	WHERE place.event = x.event AND place.zone = x.zone AND place.number = x.number;
DROP INDEX place_free;
CREATE INDEX place_free ON place (event, zone, free_at, best);
CREATE INDEX place_offer ON place (offer) WHERE offer IS NOT NULL;

-- How many places one person has in an event that has a limit: slots 1, 2, 3 …
-- until is as free_at of place.
CREATE TABLE person_slot (
	event    INTEGER NOT NULL REFERENCES event (id),
	person   TEXT    NOT NULL,          -- account
	slot     INTEGER NOT NULL,
	until    INTEGER NOT NULL,
	purchase TEXT    NOT NULL,
	PRIMARY KEY (event, person, slot)
) STRICT;
CREATE INDEX person_slot_purchase ON person_slot (purchase);

-- Who waits for places of a zone. While anybody does, what becomes free there is
-- offered to them alone, in the order of their numbers.
CREATE TABLE waiting (
	event   INTEGER NOT NULL REFERENCES event (id),
	number  INTEGER NOT NULL,           -- 1, 2, 3 … within the event
	zone    INTEGER NOT NULL,
	class   INTEGER NOT NULL,
	account TEXT    NOT NULL,
	places  INTEGER NOT NULL,           -- how many, all at once
	state   TEXT    NOT NULL,           -- waiting, offered, accepted, declined, missed, left, ended
	created INTEGER NOT NULL,
	changed INTEGER NOT NULL,
	PRIMARY KEY (event, number)
) STRICT;
CREATE UNIQUE INDEX waiting_once ON waiting (event, zone, account) WHERE state IN ('waiting', 'offered');
CREATE INDEX waiting_line ON waiting (event, zone, number) WHERE state = 'waiting';
CREATE INDEX waiting_account ON waiting (account, created);

-- Places that are kept for one of them. A place is in one offer at a time, because
-- its row names the offer.
CREATE TABLE offer (
	id       TEXT    PRIMARY KEY,       -- 128 bits in hexadecimal
	event    INTEGER NOT NULL REFERENCES event (id),
	number   INTEGER NOT NULL,          -- of the one who waits
	zone     INTEGER NOT NULL,
	class    INTEGER NOT NULL,
	account  TEXT    NOT NULL,
	places   INTEGER NOT NULL,
	state    TEXT    NOT NULL,          -- open, accepted, declined, missed, ended
	created  INTEGER NOT NULL,
	expires  INTEGER NOT NULL,
	changed  INTEGER NOT NULL,
	purchase TEXT                       -- the order that accepted it
) STRICT;
CREATE UNIQUE INDEX offer_once ON offer (event, number) WHERE state = 'open';
CREATE INDEX offer_open ON offer (expires) WHERE state = 'open';
CREATE INDEX offer_account ON offer (account, created);
