-- A payment is opened while its buyer is asked to allow it, and begun while its
-- money is being taken.
ALTER TABLE payment ADD COLUMN pinned BIGINT;                     -- since when its order's places are kept for it
ALTER TABLE payment ADD COLUMN due    BIGINT NOT NULL DEFAULT 0; -- when to ask the provider, unless it has ended
ALTER TABLE payment ADD COLUMN tries  BIGINT NOT NULL DEFAULT 0; -- how often that was due
UPDATE payment SET due = changed + 30000, pinned = created;

DROP INDEX payment_open;
CREATE INDEX payment_due ON payment (due) WHERE state IN ('opened', 'begun', 'refund_due');
CREATE UNIQUE INDEX payment_reference ON payment (provider, reference);
CREATE UNIQUE INDEX payment_opened ON payment (purchase, provider) WHERE state = 'opened';
