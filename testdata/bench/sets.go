package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/stage"
	"github.com/con-ting/conting/testdata/wallet"
)

const (
	many     = 100_000
	restarts = 7
	keys     = 512 // different holders' keys in the set; the ids are all different
)

// sets loads a set of 100,000 tickets into a fresh gate with the gate's own
// command, and starts the gate with it.
func (r *rig) sets(ctx context.Context) error {
	b, err := r.bundle()
	if err != nil {
		return err
	}
	path := filepath.Join(r.dir, "many.set")
	if err := writeSet(path, b); err != nil {
		return err
	}
	wire := len(b.Manifest) + len(b.Rules) + len(b.Status)
	for _, c := range b.Chunks {
		wire += len(c)
	}
	g, err := r.stage.Enrol(ctx, r.event, "north", "")
	if err != nil {
		return err
	}
	defer g.Cable.Close()
	g.Cable.Pull() // what counts is the set on the disk
	began := time.Now()
	usage, err := g.LoadSet(ctx, path)
	if err != nil {
		return err
	}
	took := time.Since(began)
	for _, f := range []struct {
		name string
		v    float64
	}{
		{"load_100k_s", took.Seconds()},
		{"load_100k_rss_mb", float64(usage) / (1 << 20)},
		{"load_100k_wire_mb", float64(wire) / 1e6},
	} {
		if err := r.print(f.name, series{f.v}); err != nil {
			return err
		}
	}
	var s series
	for range restarts {
		since := g.Feed.Mark()
		began := time.Now()
		if err := g.Start(ctx); err != nil {
			return err
		}
		v, err := r.await(ctx, g, since, func(v stage.Event) bool { return v.Event == "ready" })
		if err != nil {
			return err
		}
		s.ms(v.At.Sub(began))
		if _, err := r.await(ctx, g, since, func(v stage.Event) bool { return v.Event == "state" && v.Set == b.Contents.Version }); err != nil {
			return err
		}
		if err := g.Stop(); err != nil {
			return err
		}
	}
	return r.print("restart_100k_ms", s)
}

func (r *rig) bundle() (*ticketset.Bundle, error) {
	signer, err := eventKey(filepath.Join(r.dir, "central", "keys", "event.key"))
	if err != nil {
		return nil, err
	}
	holder := make([]ticket.HolderKey, keys)
	for i := range holder {
		w, err := wallet.New(site, binary.BigEndian.AppendUint32([]byte("holder"), uint32(i)))
		if err != nil {
			return nil, err
		}
		holder[i] = w.HolderKey()
	}
	now := time.Now()
	return ticketset.Build(signer, ticketset.Spec{
		Event: ticket.Event{
			ID: r.event, Name: "Stadium", Venue: "Stadium", Timezone: "Asia/Seoul",
			Doors: now.Add(-time.Hour).Unix(), Starts: now.Add(time.Hour).Unix(), Ends: now.Add(4 * time.Hour).Unix(),
			Zones: []ticket.Zone{{ID: 1, Name: "Stand"}}, Classes: []ticket.Class{{ID: 1, Name: "Seat"}},
			Gates: []ticket.Gate{{Name: "north", Zones: []uint16{1}}}, RelyingParty: site,
		},
		Tickets: tickets(r.event, holder), Issued: now.Unix(), Expires: now.Add(24 * time.Hour).Unix(),
	})
}

// tickets yields ids in ascending order that are otherwise as good as random.
func tickets(event ticket.EventID, holder []ticket.HolderKey) iter.Seq2[ticketset.Item, error] {
	return func(yield func(ticketset.Item, error) bool) {
		for i := range uint32(many) {
			t := ticket.Ticket{
				Event: event, Zone: 1, Class: 1, Version: 1, Holder: holder[i%keys],
				Seat: fmt.Sprintf("%d-%d-%d", i/5000, i/50%100, i%50),
			}
			sum := sha256.Sum256(binary.BigEndian.AppendUint32(nil, i))
			copy(t.ID[:], sum[:])
			binary.BigEndian.PutUint32(t.ID[:], uint32(uint64(i)<<32/many))
			if !yield(ticketset.Item{Ticket: t}, nil) {
				return
			}
		}
	}
}

func writeSet(path string, b *ticketset.Bundle) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	err = ticketset.WriteFile(w, b, nil)
	return errors.Join(err, w.Flush(), f.Close())
}

func eventKey(path string) (trust.Signer, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s holds no signing key", path)
	}
	return trust.NewSigner(signer)
}
