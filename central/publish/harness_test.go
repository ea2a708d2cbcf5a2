package publish_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/fleet"
	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/publish"
	"github.com/con-ting/conting/central/sale"
	"github.com/con-ting/conting/central/seatmap"
	"github.com/con-ting/conting/central/store"
	"github.com/con-ting/conting/central/store/storetest"
	"github.com/con-ting/conting/sync/broker"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

// The sample's event and what the tests buy there.
const (
	show    = ticket.EventID(1001)
	floor   = 1
	vip     = 1
	reentry = 4
	owner   = "0123456789abcdef0123456789abcdef" // account of everything that is bought
	patient = time.Minute
)

// house is a central without its HTTP: database, sale, broker, publisher.
type house struct {
	t      *testing.T
	path   string
	store  *store.Store
	sale   *sale.Sale
	broker *broker.Broker
	ca     *fleet.Authority
	event  trust.Signer
	ring   *trust.Keyring
	list   []byte
	pub    *publish.Publisher
	link   *link.Link
	stop   func()
	tune   func(*publish.Config)

	mu      sync.Mutex
	devices map[ticket.DeviceID]publish.Device // guarded by mu
	bought  byte
}

func (h *house) Device(_ context.Context, id ticket.DeviceID) (publish.Device, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.devices[id]
	if !ok {
		return d, publish.ErrUnknownDevice
	}
	return d, nil
}

type issuer struct{ s trust.Signer }

func (i issuer) Issue(_ context.Context, t ticket.Ticket) ([]byte, error) {
	return pass.SignTicket(i.s, t)
}

// anybody takes every assertion: proof of possession is the sale's to test.
type anybody struct{}

func (anybody) VerifyAssertion(ticket.RelyingParty, ticket.HolderKey, []byte, sale.Assertion) error {
	return nil
}

func newHouse(t *testing.T, tune func(*publish.Config)) *house {
	t.Helper()
	h := &house{t: t, path: filepath.Join(t.TempDir(), "central.db"), devices: make(map[ticket.DeviceID]publish.Device), tune: tune}
	h.makeTrust()
	h.open()
	h.serve()
	h.start()
	t.Cleanup(func() {
		h.stop()
		h.must(h.broker.Close())
		h.must(h.store.Close())
	})
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) signer(key crypto.Signer) trust.Signer {
	h.t.Helper()
	s, err := trust.NewSigner(key)
	h.must(err)
	return s
}

func (h *house) p256() *ecdsa.PrivateKey {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.must(err)
	return key
}

func (h *house) makeTrust() {
	h.t.Helper()
	now := time.Now()
	caKey := h.p256()
	der, err := fleet.NewAuthority(caKey, "test", now)
	h.must(err)
	h.ca, err = fleet.OpenAuthority(der, caKey)
	h.must(err)
	_, eventKey, err := ed25519.GenerateKey(rand.Reader)
	h.must(err)
	_, rootKey, err := ed25519.GenerateKey(rand.Reader)
	h.must(err)
	h.event = h.signer(eventKey)
	root := h.signer(rootKey)
	h.list, err = trust.SignList(trust.List{
		Version: 1, Issued: now.Unix(), Expires: now.Add(time.Hour).Unix(), DeviceCAs: [][]byte{der},
		Keys: []trust.Key{{Role: trust.RoleEvent, Public: h.event.Public(), NotBefore: now.Unix() - 10, NotAfter: now.Add(time.Hour).Unix()}},
	}, root)
	h.must(err)
	list, err := trust.Anchor{Threshold: 1, Roots: []trust.PublicKey{root.Public()}}.Open(h.list, now)
	h.must(err)
	h.ring, err = trust.NewKeyring(list)
	h.must(err)
}

// open opens the database and puts the sample on sale.
func (h *house) open() {
	h.t.Helper()
	var err error
	h.store, err = store.Open(h.t.Context(), storetest.At(h.t, h.path, time.Now, slog.New(slog.DiscardHandler)))
	h.must(err)
	h.sale, err = sale.New(h.t.Context(), sale.Config{
		Store: h.store, Providers: map[string]pay.Provider{"sandbox": pay.NewSandbox()}, Issuer: issuer{h.event}, Verifier: anybody{},
		Now: time.Now, Logger: slog.New(slog.DiscardHandler), ChallengeKey: [32]byte{1}, Changed: func() { h.pub.Wake() },
	})
	h.must(err)
	data, err := os.ReadFile("../../testdata/venue/sample.json")
	h.must(err)
	plan, err := seatmap.Parse(nextYear(data))
	h.must(err)
	_, err = h.sale.Import(h.t.Context(), plan)
	h.must(err)
}

// nextYear moves the sample's times, so that it is on sale whenever tests run.
func nextYear(plan []byte) []byte {
	year := []byte(strconv.Itoa(time.Now().Year() + 1))
	return bytes.ReplaceAll(plan, []byte(`"2026-12-12T`), append(append([]byte(`"`), year...), "-12-12T"...))
}

func (h *house) serve() {
	h.t.Helper()
	key := h.p256()
	c, err := h.ca.IssueServer(&key.PublicKey, []string{"127.0.0.1"}, time.Now())
	h.must(err)
	h.broker, err = broker.New(h.t.Context(), broker.Config{
		TLS: &tls.Config{
			MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: h.ca.Pool(),
			Certificates: []tls.Certificate{{Certificate: [][]byte{c.DER, h.ca.DER()}, PrivateKey: key}},
		},
		Listen: "127.0.0.1:0",
		Authorize: func(cert *x509.Certificate) (topic.Client, error) {
			d, err := h.ring.VerifyDevice(cert.Raw, time.Now())
			return topic.Client{Device: d.ID, Role: d.Role, Events: d.Events}, err
		},
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	h.must(err)
}

func (h *house) clientTLS(id ticket.DeviceID, role trust.Role, key *ecdsa.PrivateKey) func() *tls.Config {
	h.t.Helper()
	c, err := h.ca.IssueDevice(&key.PublicKey, id, role, []ticket.EventID{show}, time.Now())
	h.must(err)
	return func() *tls.Config {
		return &tls.Config{
			MinVersion: tls.VersionTLS13, RootCAs: h.ca.Pool(),
			Certificates: []tls.Certificate{{Certificate: [][]byte{c.DER}, PrivateKey: key}},
		}
	}
}

// start brings the publisher up; stop ends it as a shutdown does.
func (h *house) start() {
	h.t.Helper()
	cfg := publish.Config{
		Store: h.store.Publish(), Sales: h.store.Publish(), Devices: h, Signer: h.event,
		Link:        sender(func() *link.Link { return h.link }),
		TrustList:   func(context.Context) ([]byte, error) { return h.list, nil },
		BeaconEvery: time.Minute, GroupWithin: 20 * time.Millisecond, LedgerWithin: 20 * time.Millisecond, Poll: 50 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	if h.tune != nil {
		h.tune(&cfg)
	}
	var err error
	h.pub, err = publish.New(h.t.Context(), cfg)
	h.must(err)
	h.link, err = link.New(h.t.Context(), link.Config{
		Endpoints: []link.Endpoint{{Name: "central", URL: "tls://" + h.broker.Addr().String()}},
		TLS:       h.clientTLS(fleet.CentralID, trust.RoleCentral, h.p256()), ClientID: fleet.CentralID,
		Subscriptions: []string{topic.AllJournals()},
		OnMessage: func(name string, data []byte) {
			if n, err := topic.Parse(name); err == nil {
				h.pub.Journal(n.Device, data)
			}
		},
		OnState: func(s link.State) { h.pub.Connected(s.Connected) },
		Logger:  slog.New(slog.DiscardHandler), Now: time.Now,
	})
	h.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.pub.Run(ctx); err != nil {
			h.t.Errorf("Run: %v", err)
		}
	})
	wg.Go(func() { _ = h.link.Run(ctx) })
	h.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
}

type sender func() *link.Link

func (s sender) Publish(ctx context.Context, name string, payload []byte, retained bool) error {
	return s().Publish(ctx, name, payload, retained)
}

// buy sells one seat and returns the order and the ticket's id.
func (h *house) buy() (order string, id ticket.ID) {
	h.t.Helper()
	return h.sell(vip)
}

func (h *house) buyClass(class uint8) ticket.ID {
	h.t.Helper()
	_, id := h.sell(class)
	return id
}

func (h *house) sell(class uint8) (order string, id ticket.ID) {
	h.t.Helper()
	h.bought++
	c, err := h.sale.NewChallenge()
	h.must(err)
	key := ticket.HolderKey{2, h.bought}
	o, secret, err := h.sale.Hold(h.t.Context(), sale.HoldRequest{
		Event: show, Zone: floor, Class: class, Owner: owner, Holder: &sale.Possession{Key: key, Challenge: c.Value},
	})
	h.must(err)
	o, err = h.sale.Pay(h.t.Context(), o.ID, secret, "sandbox", pay.TokenOK)
	h.must(err)
	if len(o.Tickets) != 1 {
		h.t.Fatalf("order %+v has no ticket", o)
	}
	return o.ID, o.Tickets[0].Ticket.ID
}

// gate is a device that a test plays: it hears what it subscribed to and keeps a
// journal in memory.
type gate struct {
	h      *house
	id     ticket.DeviceID
	key    trust.Signer
	link   *link.Link
	heard  chan message
	kept   map[string][]byte // the newest message of each topic that wait has seen
	raw    [][]byte
	head   journal.Head
	time   journal.HLC
	refers map[ticket.ID]uint64
}

type message struct {
	topic string
	data  []byte
}

func (h *house) gate(id ticket.DeviceID, filters ...string) *gate {
	h.t.Helper()
	key := h.p256()
	g := &gate{
		h: h, id: id, key: h.signer(key), heard: make(chan message, 4096), kept: make(map[string][]byte),
		time: journal.At(time.Now()), refers: make(map[ticket.ID]uint64),
	}
	h.mu.Lock()
	h.devices[id] = publish.Device{Keys: []trust.PublicKey{g.key.Public()}, Gate: "north", Events: []ticket.EventID{show}}
	h.mu.Unlock()
	ready := make(chan struct{}, 64)
	var err error
	g.link, err = link.New(h.t.Context(), link.Config{
		Endpoints: []link.Endpoint{{Name: "central", URL: "tls://" + h.broker.Addr().String()}},
		TLS:       h.clientTLS(id, trust.RoleGate, key), ClientID: id,
		Subscriptions: append(filters, topic.AckOf(id), topic.TrustList()),
		OnMessage:     func(name string, data []byte) { g.heard <- message{name, bytes.Clone(data)} },
		OnState: func(s link.State) {
			if s.Connected {
				ready <- struct{}{}
			}
		},
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	h.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.link.Run(ctx) })
	h.t.Cleanup(func() { cancel(); wg.Wait() })
	<-ready
	g.wait("the trust list", func(m message) bool { return m.topic == topic.TrustList() && bytes.Equal(m.data, h.list) })
	return g
}

// wait reads messages until one is right. The newest of each topic that was read
// before counts too, but not acknowledgements, which are about one moment.
func (g *gate) wait(what string, right func(message) bool) message {
	g.h.t.Helper()
	for name, data := range g.kept {
		if m := (message{name, data}); name != topic.AckOf(g.id) && right(m) {
			return m
		}
	}
	deadline := time.NewTimer(patient)
	defer deadline.Stop()
	for {
		select {
		case m := <-g.heard:
			g.kept[m.topic] = m.data
			if right(m) {
				return m
			}
		case <-deadline.C:
			g.h.t.Fatalf("%s did not hear %s", g.id, what)
		}
	}
}

// pull gets one retained object as gates do.
func (g *gate) pull(name string) []byte {
	g.h.t.Helper()
	g.h.must(g.link.Subscribe(g.h.t.Context(), name))
	m := g.wait(name, func(m message) bool { return m.topic == name })
	g.h.must(g.link.Unsubscribe(g.h.t.Context(), name))
	return m.data
}

// manifest waits for a version of the set, at least.
func (g *gate) manifest(version uint64) *ticketset.Manifest {
	g.h.t.Helper()
	var got *ticketset.Manifest
	g.wait(fmt.Sprintf("manifest %d", version), func(m message) bool {
		if m.topic != topic.Manifest(show) {
			return false
		}
		var err error
		got, err = ticketset.OpenManifest(g.h.ring, show, m.data, time.Now())
		g.h.must(err)
		return got.Version >= version
	})
	return got
}

// load pulls a whole set and returns its tickets with their statuses.
func (g *gate) load(m *ticketset.Manifest) map[ticket.ID]ticket.Status {
	g.h.t.Helper()
	statuses, err := m.OpenStatus(g.pull(topic.Status(show, m.Version)))
	g.h.must(err)
	rules, err := m.OpenRules(g.pull(topic.Rules(show, m.Version)))
	g.h.must(err)
	if rules.ID != show {
		g.h.t.Errorf("rules of event %s, want %s", rules.ID, show)
	}
	set := make(map[ticket.ID]ticket.Status)
	for n := range m.Chunks {
		tickets, err := m.OpenChunk(n, g.pull(topic.Chunk(show, m.Version, uint32(n))))
		g.h.must(err)
		for i, t := range tickets {
			set[t.ID] = statuses.At(m.Offset(n) + i)
		}
	}
	return set
}

// delta waits for a delta and checks that it follows.
func (g *gate) delta(head *ticketset.Head) *ticketset.Delta {
	g.h.t.Helper()
	name := topic.DeltaAt(show, head.Seq+1)
	data, ok := g.kept[name]
	if !ok {
		data = g.wait(name, func(m message) bool { return m.topic == name && len(m.data) > 0 }).data
	}
	d, err := ticketset.OpenDelta(g.h.ring, show, data, time.Now())
	g.h.must(err)
	g.h.must(d.Follows(*head))
	*head = ticketset.Head{Seq: d.Seq, Hash: ticketset.Hash(data)}
	return d
}

// write adds an entry to the gate's journal.
func (g *gate) write(e journal.Entry) uint64 {
	g.h.t.Helper()
	g.time++
	e.Seq, e.Prev, e.Time, e.Lane = g.head.Seq+1, g.head.Hash, g.time, "1"
	if e.Event == 0 {
		e.Event = show
	}
	raw, err := e.Encode()
	g.h.must(err)
	g.raw = append(g.raw, raw)
	g.head = journal.Head{Seq: e.Seq, Hash: journal.EntryHash(raw)}
	return e.Seq
}

func (g *gate) admit(id ticket.ID) uint64 {
	return g.write(journal.Entry{Kind: journal.Decision, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Alone, Ticket: id, Evidence: [32]byte{7}})
}

func (g *gate) settle(id ticket.ID, kind journal.Kind, decision uint64) {
	g.write(journal.Entry{Kind: kind, Ticket: id, Refers: decision})
}

// batch seals the entries after a number, with the receipts of what they consume.
func (g *gate) batch(after int) []byte {
	g.h.t.Helper()
	var receipts [][]byte
	for _, data := range g.raw[after:] {
		e, err := journal.ParseEntry(data)
		g.h.must(err)
		if e.Kind == journal.Passed || e.Kind == journal.Flagged {
			receipts = append(receipts, g.receipt(e.Refers, nil))
		}
	}
	return g.parcel(after, receipts...)
}

// parcel seals the entries after a number with any receipts.
func (g *gate) parcel(after int, receipts ...[]byte) []byte {
	g.h.t.Helper()
	batch, err := journal.SealBatch(g.key, g.id, g.raw[after:], g.time)
	g.h.must(err)
	data, err := topic.Upload{Batch: batch, Receipts: receipts}.Encode()
	g.h.must(err)
	return data
}

// receipt signs the receipt of an entry; change may make it a lie.
func (g *gate) receipt(seq uint64, change func(*journal.Receipt)) []byte {
	g.h.t.Helper()
	e, err := journal.ParseEntry(g.raw[seq-1])
	g.h.must(err)
	r := journal.ReceiptOf(g.id, "north", &e)
	if change != nil {
		change(&r)
	}
	data, err := journal.SignReceipt(g.key, r)
	g.h.must(err)
	return data
}

// upload sends a batch until it is acknowledged at a sequence number.
func (g *gate) upload(data []byte) topic.Ack {
	g.h.t.Helper()
	for try := 0; ; try++ {
		err := g.link.Publish(g.h.t.Context(), topic.JournalOf(g.id), data, false)
		if err == nil {
			break
		}
		if !errors.Is(err, link.ErrOffline) || try > 100 {
			g.h.t.Fatal(err)
		}
	}
	m := g.wait("an acknowledgement", func(m message) bool { return m.topic == topic.AckOf(g.id) })
	ack, err := topic.ParseAck(m.data)
	g.h.must(err)
	return ack
}

// uploadUntilAcknowledged sends a batch again and again, as gates do.
func (g *gate) uploadUntilAcknowledged(data []byte) topic.Ack {
	g.h.t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	deadline := time.NewTimer(patient)
	defer deadline.Stop()
	for {
		select {
		case m := <-g.heard:
			if m.topic != topic.AckOf(g.id) {
				continue
			}
			ack, err := topic.ParseAck(m.data)
			g.h.must(err)
			return ack
		case <-again.C:
			if err := g.link.Publish(g.h.t.Context(), topic.JournalOf(g.id), data, false); err != nil && !errors.Is(err, link.ErrOffline) {
				g.h.t.Fatal(err)
			}
		case <-deadline.C:
			g.h.t.Fatalf("%s was not acknowledged", g.id)
		}
	}
}
