-- What may still become a ticket for a key that was replaced.
CREATE INDEX purchase_paying ON purchase (keeper) WHERE state = 'paying';
