package uplink_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/big"
	mathrand "math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/con-ting/conting/gate/store"
	"github.com/con-ting/conting/gate/uplink"
	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

const event = ticket.EventID(7)

// world is central, the broker and everything that can go wrong between them and
// the gates. It lives in a synctest bubble: its time is not real.
type world struct {
	t      *testing.T
	root   trust.Signer
	key    trust.Signer // of the event
	caKey  *ecdsa.PrivateKey
	ca     *x509.Certificate
	caDER  []byte
	list   trust.List
	head   ticketset.Head // of the deltas
	newest ticketset.Current

	mu       sync.Mutex // guards the fields below
	rng      *mathrand.Rand
	retained map[string][]byte
	links    map[ticket.DeviceID]*fakeLink
	drop     float64 // of every message
	double   float64
	delay    time.Duration                    // the most; each message has its own, so they overtake each other
	ledgers  map[ticket.DeviceID]journal.Head // what central knows of the journals
	receipts map[ticket.DeviceID][][]byte     // what came with them, as often as it came
	keys     map[ticket.DeviceID]trust.PublicKey
	opener   func(url, jwt string) (issued time.Time, err error) // verifies status lists; nil: gates keep none
	mute     bool                                                // central does not acknowledge
	skew     time.Duration                                       // of the gates\' best clocks; set before they start
	forks    int
	kept     []string // the status lists that gates took
}

func bubble(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, root: edKey(t, 1), key: edKey(t, 2), rng: mathrand.New(mathrand.NewPCG(1, 2)), retained: map[string][]byte{},
		links: map[ticket.DeviceID]*fakeLink{}, ledgers: map[ticket.DeviceID]journal.Head{}, receipts: map[ticket.DeviceID][][]byte{}, keys: map[ticket.DeviceID]trust.PublicKey{},
	}
	var err error
	if w.caKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "device ca"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if w.caDER, err = x509.CreateCertificate(rand.Reader, template, template, w.caKey.Public(), w.caKey); err != nil {
		t.Fatal(err)
	}
	if w.ca, err = x509.ParseCertificate(w.caDER); err != nil {
		t.Fatal(err)
	}
	w.list = trust.List{Version: 1, Issued: now.Unix(), Expires: now.AddDate(0, 6, 0).Unix(), DeviceCAs: [][]byte{w.caDER}, Keys: []trust.Key{w.eventKey(w.key)}}
	return w
}

func (w *world) eventKey(s trust.Signer) trust.Key {
	now := time.Now()
	return trust.Key{Role: trust.RoleEvent, Public: s.Public(), NotBefore: now.Add(-time.Hour).Unix(), NotAfter: now.AddDate(0, 6, 0).Unix()}
}

func edKey(t *testing.T, seed byte) trust.Signer {
	t.Helper()
	s, err := trust.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) signedList() []byte {
	w.t.Helper()
	raw, err := trust.SignList(w.list, w.root)
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

// certificate makes the signer and certificate of a device for the event.
func (w *world) certificate(id ticket.DeviceID, role trust.Role) (trust.Signer, []byte) {
	w.t.Helper()
	return w.certificateFor(id, role, event)
}

func (w *world) certificateFor(id ticket.DeviceID, role trust.Role, events ...ticket.EventID) (trust.Signer, []byte) {
	w.t.Helper()
	key, der := w.deviceKey(id, role, events...)
	s, err := trust.NewSigner(key)
	if err != nil {
		w.t.Fatal(err)
	}
	return s, der
}

// deviceKey makes a device's key and certificate for the events.
func (w *world) deviceKey(id ticket.DeviceID, role trust.Role, events ...ticket.EventID) (*ecdsa.PrivateKey, []byte) {
	w.t.Helper()
	uris, err := trust.EventURIs(events)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	now := time.Now()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: string(id), OrganizationalUnit: []string{string(role)}}, URIs: uris,
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 1, 0), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, w.ca, key.Public(), w.caKey)
	if err != nil {
		w.t.Fatal(err)
	}
	return key, der
}

// member is a gate as the broker knows it.
func member(id ticket.DeviceID) topic.Client {
	return topic.Client{Device: id, Role: trust.RoleGate, Events: []ticket.EventID{event}}
}

// fakeLink is one gate's connection.
type fakeLink struct {
	w       *world
	device  ticket.DeviceID
	handle  func(string, []byte)
	changed func(link.State)
	outbox  link.Outbox

	// guarded by w.mu
	state   link.State
	filters map[string]bool
	asked   map[string]int // how often each topic was subscribed to
	most    int            // most object topics subscribed to at once
}

func (l *fakeLink) Subscribe(ctx context.Context, filter string) error {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	l.filters[filter] = true
	l.asked[filter]++
	n := 0
	for f := range l.filters {
		if strings.Contains(f, "/set/") && !strings.HasSuffix(f, "/manifest") {
			n++
		}
	}
	l.most = max(l.most, n)
	l.w.sendRetained(l, filter)
	return ctx.Err()
}

func (l *fakeLink) Unsubscribe(_ context.Context, filter string) error {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	delete(l.filters, filter)
	return nil
}

func (l *fakeLink) Publish(_ context.Context, name string, payload []byte, retained bool) error {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if !l.state.Connected {
		return link.ErrOffline
	}
	if c := member(l.device); !c.May(name, true) || retained && !c.MayRetain(name) {
		l.w.t.Errorf("%s may not publish to %s", l.device, name)
	}
	l.w.publish(name, payload, retained)
	return nil
}

// Wake resends the whole outbox, as a link does from time to time.
func (l *fakeLink) Wake() {
	go func() {
		items, err := l.outbox.Pending(context.Background(), link.MaxWindow)
		if err != nil {
			return // the store is closed: the test is over
		}
		l.w.mu.Lock()
		defer l.w.mu.Unlock()
		for _, it := range items {
			if l.state.Connected {
				l.w.publish(it.Topic, it.Payload, false)
			}
		}
	}()
}

func (l *fakeLink) State() link.State {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.state
}

// connect and cut change the cable of one gate.
func (l *fakeLink) connect(endpoint string) {
	l.w.mu.Lock()
	l.state = link.State{Endpoint: endpoint, Connected: true, Since: time.Now(), Epoch: l.state.Epoch + 1}
	for f := range l.filters {
		l.w.sendRetained(l, f)
	}
	s := l.state
	l.w.mu.Unlock()
	l.changed(s)
	l.Wake()
}

func (l *fakeLink) cut() {
	l.w.mu.Lock()
	l.state = link.State{Since: time.Now(), Epoch: l.state.Epoch}
	s := l.state
	l.w.mu.Unlock()
	l.changed(s)
}

// network sets the faults from now on.
func (w *world) network(drop, double float64, delay time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop, w.double, w.delay = drop, double, delay
}

// put publishes as central.
func (w *world) put(name string, payload []byte, retained bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.publish(name, payload, retained)
}

// publish needs w.mu.
func (w *world) publish(name string, payload []byte, retained bool) {
	if retained {
		w.retained[name] = payload
	}
	for _, l := range w.links {
		for f := range l.filters {
			if matches(f, name) {
				w.deliver(l, name, payload)
			}
		}
	}
	if n, err := topic.Parse(name); err == nil && n.Kind == topic.DeviceJournal {
		w.faulty(func() { w.central(n.Device, payload) })
	}
}

func (w *world) sendRetained(l *fakeLink, filter string) {
	if !l.state.Connected {
		return
	}
	for name, payload := range w.retained {
		if matches(filter, name) {
			w.deliver(l, name, payload)
		}
	}
}

// deliver loses, doubles and delays a message. It needs w.mu.
func (w *world) deliver(l *fakeLink, name string, payload []byte) {
	epoch := l.state.Epoch
	w.faulty(func() {
		if s := l.State(); s.Connected && s.Epoch == epoch {
			l.handle(name, payload)
		}
	})
}

func (w *world) faulty(do func()) {
	n := 1
	if w.rng.Float64() < w.drop {
		n = 0
	} else if w.rng.Float64() < w.double {
		n = 2
	}
	for range n {
		after := time.Duration(w.rng.Int64N(int64(w.delay) + 1))
		time.AfterFunc(after, do)
	}
}

// central takes a batch as the real one does: verify, extend, acknowledge.
func (w *world) central(device ticket.DeviceID, payload []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	up, err := topic.ParseUpload(payload)
	if err != nil {
		w.t.Errorf("central: %v", err)
		return
	}
	w.receipts[device] = append(w.receipts[device], up.Receipts...)
	b, err := journal.OpenBatch(up.Batch, device, w.keys[device])
	if err != nil {
		w.t.Errorf("central: %v", err)
		return
	}
	if w.mute {
		return
	}
	_, next, err := w.ledgers[device].Extend(b)
	if err != nil {
		w.forks++
		return // a gap: the batch before it is on its way
	}
	w.ledgers[device] = next
	ack, err := topic.Ack{Seq: next.Seq, Hash: next.Hash}.Encode()
	if err != nil {
		w.t.Error(err)
	}
	w.publish(topic.AckOf(device), ack, false)
}

func matches(filter, name string) bool {
	f, n := strings.Split(filter, "/"), strings.Split(name, "/")
	if len(f) != len(n) {
		return false
	}
	for i := range f {
		if f[i] != "+" && f[i] != n[i] {
			return false
		}
	}
	return true
}

// gate is one gate of the world, running.
type gate struct {
	w      *world
	t      *testing.T
	path   string
	store  *store.Store
	uplink *uplink.Uplink
	link   *fakeLink
	signer trust.Signer
	cert   []byte
	stop   func()
}

func (w *world) gate(id ticket.DeviceID) *gate {
	w.t.Helper()
	g := &gate{w: w, t: w.t, path: filepath.Join(w.t.TempDir(), string(id)+".db")}
	g.signer, g.cert = w.certificate(id, trust.RoleGate)
	w.mu.Lock()
	w.keys[id] = g.signer.Public()
	w.mu.Unlock()
	g.start(id)
	return g
}

// start opens the store and runs an uplink, not connected yet.
func (g *gate) start(id ticket.DeviceID) {
	g.t.Helper()
	w := g.w
	var err error
	ctx, cancel := context.WithCancel(context.Background())
	if g.store, err = store.Open(ctx, store.Config{Path: g.path, Device: id, Now: time.Now}); err != nil {
		g.t.Fatal(err)
	}
	cfg := uplink.Config{
		Store: g.store, Device: id, Gate: "North", Signer: g.signer, Certificate: func() []byte { return g.cert },
		Anchor: trust.Anchor{Threshold: 1, Roots: []trust.PublicKey{w.root.Public()}}, Events: []ticket.EventID{event},
		TrustList: w.signedList(), Version: "test", Logger: slog.New(slog.DiscardHandler), Steady: time.Now,
		Now: func() time.Time { return time.Now().Add(w.skew) },
	}
	if w.opener != nil {
		cfg.OpenStatusList = func(_ context.Context, url, jwt string, _ time.Time) (time.Time, error) {
			w.mu.Lock()
			open := w.opener
			w.mu.Unlock()
			return open(url, jwt)
		}
		cfg.OnStatusList = func(l store.StatusList) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.kept = append(w.kept, l.JWT)
		}
	}
	g.uplink, err = uplink.New(ctx, cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	g.link = &fakeLink{
		w: w, device: id, handle: g.uplink.Handle, changed: g.uplink.LinkChanged, outbox: g.uplink,
		filters: map[string]bool{}, asked: map[string]int{},
	}
	for _, f := range g.uplink.Subscriptions() {
		if !member(id).May(f, false) {
			g.t.Errorf("a gate may not subscribe to %s", f)
		}
		g.link.filters[f] = true
	}
	w.mu.Lock()
	w.links[id] = g.link
	w.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := g.uplink.Run(ctx, g.link); err != nil {
			g.t.Error(err)
		}
	}()
	var once sync.Once
	g.stop = func() {
		once.Do(func() {
			g.link.cut()
			cancel()
			<-ended
			if err := g.store.Close(); err != nil {
				g.t.Error(err)
			}
		})
	}
	g.t.Cleanup(g.stop)
}

func (g *gate) restart() {
	g.t.Helper()
	g.stop()
	g.start(g.link.device)
}

// eventually waits, in the bubble's time, until the condition holds.
func eventually(t *testing.T, what string, most time.Duration, ok func() bool) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		synctest.Wait()
		if ok() {
			return
		}
		if time.Since(begun) > most {
			t.Fatalf("%s: not within %s", what, most)
		}
	}
}

func (g *gate) version() uint64 { return g.uplink.Status().Events[0].Version }

func numbered(n int) ticket.Ticket {
	t := ticket.Ticket{Event: event, Zone: 1, Class: 1, Version: 1, Seat: fmt.Sprintf("A-%d", n)}
	binary.BigEndian.PutUint32(t.ID[:], uint32(n+1))
	sum := sha256.Sum256(t.ID[:4])
	t.Holder[0] = 2
	copy(t.Holder[1:], sum[:])
	return t
}

// publishSet builds the next version and retains its objects, manifest last.
func (w *world) publishSet(n int) *ticketset.Bundle {
	w.t.Helper()
	now := time.Now().Unix()
	b, err := ticketset.Build(w.key, ticketset.Spec{
		Event: ticket.Event{
			ID: event, Name: "Concert", Venue: "Hall", Doors: now, Starts: now + 3600, Ends: now + 7200,
			Zones: []ticket.Zone{{ID: 1, Name: "A"}}, Classes: []ticket.Class{{ID: 1, Name: "Seat"}},
			Gates: []ticket.Gate{{Name: "north", Zones: []uint16{1}}}, RelyingParty: ticket.RelyingParty{ID: "x", Origin: "https://x"},
		},
		Tickets: func(yield func(ticketset.Item, error) bool) {
			for i := range n {
				if !yield(ticketset.Item{Ticket: numbered(i)}, nil) {
					return
				}
			}
		},
		Previous: w.newest, Issued: now, Expires: now + 86400, Delta: w.head,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.newest = b.Current()
	v := b.Contents.Version
	w.put(topic.Rules(event, v), b.Rules, true)
	w.put(topic.Status(event, v), b.Status, true)
	for i, c := range b.Chunks {
		w.put(topic.Chunk(event, v, uint32(i)), c, true)
	}
	w.put(topic.Manifest(event), b.Manifest, true)
	return b
}

// publishDelta signs and retains the next delta.
func (w *world) publishDelta(n int, s ticket.Status) {
	w.t.Helper()
	d := ticketset.Delta{
		Event: event, Seq: w.head.Seq + 1, Previous: w.head.Hash, Issued: time.Now().Unix(),
		Ops: []ticketset.Op{{Kind: ticketset.OpStatus, Ticket: ticket.Ticket{ID: numbered(n).ID}, Status: s}},
	}
	data, err := ticketset.SignDelta(w.key, d)
	if err != nil {
		w.t.Fatal(err)
	}
	w.head = ticketset.Head{Seq: d.Seq, Hash: ticketset.Hash(data)}
	w.put(topic.DeltaAt(event, d.Seq), data, true)
}

func (w *world) publishBeacon(ledger uint64) {
	w.t.Helper()
	data, err := ticketset.SignBeacon(w.key, ticketset.Beacon{
		Event: event, Issued: time.Now().Unix(), Version: w.newest.Version, Manifest: w.newest.Hash, Delta: w.head, Ledger: ledger,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.put(topic.BeaconOf(event), data, true)
}

// admit claims a ticket at the gate and says so to the uplink.
func (g *gate) admit(n int) store.Claimed {
	g.t.Helper()
	c, err := g.store.Claim(context.Background(), store.ClaimRequest{Entry: journal.Entry{
		Kind: journal.Decision, Event: event, Lane: "1", Ticket: numbered(n).ID, Outcome: ticket.Admit, Reason: ticket.OK, Mode: g.uplink.Mode(),
	}})
	if err != nil {
		g.t.Fatal(err)
	}
	g.uplink.Wake()
	return c
}

// row looks a ticket up.
func (g *gate) row(n int) store.Row {
	r, _ := g.store.LookupTicket(context.Background(), event, numbered(n).ID)
	return r
}
