-- What a gate signed for the holder of a ticket that entered.

CREATE TABLE receipt (
	device TEXT    NOT NULL,
	seq    BIGINT  NOT NULL,            -- of the decision
	ticket BYTEA   NOT NULL,
	signed BYTEA   NOT NULL,
	stored BIGINT  NOT NULL,
	PRIMARY KEY (device, seq)
);
CREATE INDEX receipt_ticket ON receipt (ticket);
