-- The newest status list of each address that a registrar was heard of by: signed
-- by the registrar, verified before it is kept. "issued" is what it says of itself.
CREATE TABLE status_list (
	url    TEXT PRIMARY KEY,
	issued INTEGER NOT NULL,
	jwt    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
