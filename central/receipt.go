package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/con-ting/conting/central/api"
	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/sync/hint"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// receipts is the store as the API sees it.
type receipts struct{ *store.Store }

func (r receipts) Receipt(ctx context.Context, account string, id ticket.ID) (api.Receipt, error) {
	got, ok, err := r.Store.Receipt(ctx, account, id)
	if err != nil {
		return api.Receipt{}, err
	}
	if !ok {
		return api.Receipt{}, fmt.Errorf("ticket %.8s: %w", id, api.ErrNoReceipt)
	}
	certs, err := r.Fleet().Certificates(ctx, got.Device)
	if err != nil {
		return api.Receipt{}, err
	}
	der, err := signedWith(certs, got.Signed, got.Time.Time())
	return api.Receipt{Signed: got.Signed, Certificate: der, Gate: got.Gate, Lane: got.Lane, At: got.Time.Time()}, err
}

// signedWith returns the certificate whose key a receipt verifies with: the one
// that was in force at the time, if there are several of the same key.
func signedWith(certs []fleet.Certificate, receipt []byte, at time.Time) (der []byte, err error) {
	for i := range certs {
		c := &certs[i]
		key, err := c.Key()
		if err != nil {
			return nil, err
		}
		if _, err := journal.OpenReceipt(receipt, key); err != nil {
			continue
		}
		if der = c.DER; c.Issued <= at.Unix() && at.Unix() <= c.Expires {
			return der, nil
		}
	}
	if der == nil {
		err = errors.New("no certificate of the device verifies its receipt")
	}
	return der, err
}

// maxReceiptFile is the most of a receipt's file that is read, in bytes.
const maxReceiptFile = 64 << 10

// runReceipt checks a receipt as anybody can who knows the device authority.
func runReceipt(_ context.Context, a *app, f *flags) error {
	if err := f.Want(1, 1); err != nil {
		return err
	}
	cfg, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	ca, err := folder(cfg.DataDir).cert(caCertFile)
	if err != nil {
		return err
	}
	file, err := os.Open(f.Rest[0])
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxReceiptFile))
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	r, err := checkReceipt(text, ca)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Rest[0], err)
	}
	if f.json {
		return json.NewEncoder(a.out).Encode(r)
	}
	_, err = fmt.Fprintf(a.out, "ticket %s of event %s entered at %s, lane %s, on %s\nsigned by %s, entry %d of its journal\n",
		r.Ticket, r.Event, r.Gate, r.Lane, r.Time.Time().Format(time.RFC3339), r.Device, r.Seq)
	return err
}

// checkReceipt verifies what a wallet fetched: the device's certificate with the
// authority's, at the time of the entry, and the receipt with the certificate's key.
// That a device was revoked later takes nothing back.
func checkReceipt(text, authority []byte) (journal.Receipt, error) {
	const again = "have the wallet fetch it again; the file is the answer of GET /v1/wallet/tickets/ID/receipt"
	var file struct {
		Receipt     string `json:"receipt"`
		Certificate string `json:"certificate"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return journal.Receipt{}, hint.Errorf(again, "not a receipt: %w", err)
	}
	signed, err := base64.RawURLEncoding.DecodeString(file.Receipt)
	if err != nil {
		return journal.Receipt{}, hint.Errorf(again, "receipt: %w", err)
	}
	der, err := base64.RawURLEncoding.DecodeString(file.Certificate)
	if err != nil {
		return journal.Receipt{}, hint.Errorf(again, "certificate: %w", err)
	}
	key, err := (&fleet.Certificate{DER: der}).Key()
	if err != nil {
		return journal.Receipt{}, hint.Errorf(again, "%w", err)
	}
	r, err := journal.OpenReceipt(signed, key)
	if err != nil {
		return journal.Receipt{}, hint.Errorf("the receipt was altered, or is not of this device", "%w", err)
	}
	d, err := trust.VerifyCertificate([][]byte{authority}, der, r.Time.Time())
	switch {
	case err != nil:
		return journal.Receipt{}, hint.Errorf("the device is not of this central's fleet, or was not at the time", "%w", err)
	case d.ID != r.Device || !d.Serves(r.Event):
		return journal.Receipt{}, hint.Errorf("the receipt was signed by a device that may not", "device %s for %s at event %s", d.ID, r.Device, r.Event)
	}
	return r, nil
}
