-- What a gate signed for the holder of a ticket that entered.

CREATE TABLE receipt (
	device TEXT    NOT NULL,
	seq    INTEGER NOT NULL,            -- of the decision
	ticket BLOB    NOT NULL,
	signed BLOB    NOT NULL,
	stored INTEGER NOT NULL,
	PRIMARY KEY (device, seq)
) STRICT;
CREATE INDEX receipt_ticket ON receipt (ticket);
