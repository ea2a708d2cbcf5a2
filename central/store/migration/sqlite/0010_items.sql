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

-- Which item of its order a ticket is for.
ALTER TABLE ticket ADD COLUMN item INTEGER NOT NULL DEFAULT 1;
