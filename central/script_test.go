package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/con-ting/conting/gate/identity"
	"github.com/con-ting/conting/sync/link"
	"github.com/con-ting/conting/sync/pass"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/ticketset"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
	"github.com/con-ting/conting/testdata/servers"
	"github.com/con-ting/conting/testdata/wallet"
)

const (
	show     = ticket.EventID(1001)
	patience = time.Minute
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"central": main})
}

// TestScripts drives the built command, with a real gate's enrolment, a real
// wallet and a real MQTT client at its other ends.
func TestScripts(t *testing.T) {
	t.Parallel()
	sample, err := os.ReadFile("../testdata/venue/sample.json")
	if err != nil {
		t.Fatal(err)
	}
	// The event lies ahead whenever the test runs.
	year := strconv.Itoa(time.Now().Year() + 1)
	sample = bytes.ReplaceAll(sample, []byte(`"2026-12-12T`), []byte(`"`+year+`-12-12T`))
	postgres := servers.HasPostgres()
	if !postgres {
		t.Log("SKIPPED: postgresql is not installed (apt-get install postgresql): scripts that want it are NOT run to their ends")
	}
	testscript.Run(t, testscript.Params{
		Condition: func(name string) (bool, error) {
			if name == "postgres" {
				return postgres, nil
			}
			return false, fmt.Errorf("unknown condition %s", name)
		},
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			name := filepath.Join(env.WorkDir, "sample.json")
			env.Setenv("SAMPLE", name)
			if postgres { // an empty database for each script
				url := filepath.Join(env.WorkDir, "database.url")
				env.Setenv("DATABASE", url)
				if err := os.WriteFile(url, []byte(servers.Postgres(t)+"\n"), 0o600); err != nil {
					return err
				}
			}
			return os.WriteFile(name, sample, 0o600)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"ready": ready, "fresh": fresh, "private": isPrivate, "enrol": enrol, "buy": buy, "watch": watch, "shut": shut, "spoil": spoil, "sandbox": sandboxOff,
		},
	})
}

func check(ts *testscript.TestScript, err error) {
	if err != nil {
		ts.Fatalf("%v", err)
	}
}

// sandbox FROM TO copies a configuration without the sandbox.
func sandboxOff(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	off := strings.Replace(text, "sandbox = true", "sandbox = false", 1)
	if off == text {
		ts.Fatalf("%s has no sandbox", args[0])
	}
	check(ts, os.WriteFile(ts.MkAbs(args[1]), []byte(off), 0o600))
}

// ready FILE waits until another process has written it.
func ready(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(patience)
	for {
		_, err := os.Stat(ts.MkAbs(args[0]))
		if err == nil {
			return
		}
		if !errors.Is(err, fs.ErrNotExist) || time.Now().After(deadline) {
			ts.Fatalf("%s: %v", args[0], err)
		}
		time.Sleep(10 * time.Millisecond) // another process: nothing to wait on
	}
}

// fresh FILE waits until the central that answers there is alive.
func fresh(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var ad addresses
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err != nil || json.Unmarshal(text, &ad) != nil {
			continue
		}
		resp, err := http.Get(ad.API + "/healthz")
		if err != nil {
			continue
		}
		check(ts, resp.Body.Close())
		return
	}
	ts.Fatalf("no central answers at the addresses in %s", args[0])
}

// spoil FILE AT changes one byte of it, that many hundredths of its length after its
// beginning.
func spoil(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	text, err := os.ReadFile(name)
	check(ts, err)
	at, err := strconv.Atoi(args[1])
	check(ts, err)
	text[len(text)*at/100] ^= 1
	check(ts, os.WriteFile(name, text, 0o600))
}

// private DIR fails if anybody but the owner can read anything in it.
func isPrivate(ts *testscript.TestScript, _ bool, args []string) {
	check(ts, filepath.WalkDir(ts.MkAbs(args[0]), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			err = fmt.Errorf("%s has mode %04o", name, info.Mode().Perm())
		}
		return err
	}))
}

// enrol CODE.json DIR [NAME] enrols as a gate does and sets $DEVICE or $NAME.
func enrol(ts *testscript.TestScript, neg bool, args []string) {
	var code struct {
		Text string `json:"text"`
	}
	check(ts, json.Unmarshal([]byte(ts.ReadFile(args[0])), &code))
	inv, err := identity.ParseInvitation(code.Text)
	check(ts, err)
	id, err := identity.Enrol(context.Background(), identity.EnrolConfig{Dir: ts.MkAbs(args[1]), Invitation: inv, Now: time.Now})
	if neg {
		if !errors.Is(err, identity.ErrRefused) {
			ts.Fatalf("enrolled with %v, want ErrRefused", err)
		}
		return
	}
	check(ts, err)
	if id.Gate() != "north" || len(id.Events()) != 1 || id.Events()[0] != show {
		ts.Fatalf("enrolled as %s at %q for %v", id.Device(), id.Gate(), id.Events())
	}
	check(ts, id.Renew(context.Background()))
	if uris := id.Certificate().URIs; len(uris) != 1 || uris[0].String() != fmt.Sprintf("conting:event:%d", show) {
		ts.Fatalf("the certificate names %v, want event %d", uris, show)
	}
	variable := "DEVICE"
	if len(args) > 2 {
		variable = args[2]
	}
	ts.Setenv(variable, string(id.Device()))
}

// buy DIR buys a ticket from the central of that folder and sets $ORDER.
func buy(ts *testscript.TestScript, _ bool, args []string) {
	var ad addresses
	check(ts, json.Unmarshal([]byte(ts.ReadFile(filepath.Join(args[0], addressesFile))), &ad))
	rp := ticket.RelyingParty{ID: "tickets.example", Origin: "https://tickets.example"}
	seed := make([]byte, 32)
	_, err := rand.Read(seed)
	check(ts, err)
	w, err := wallet.New(rp, seed)
	check(ts, err)
	var asked struct {
		Challenge string `json:"challenge"`
	}
	post(ts, ad.API+"/v1/challenges", "", map[string]any{}, &asked)
	challenge, err := base64.RawURLEncoding.DecodeString(asked.Challenge)
	check(ts, err)
	proof, err := w.Possession(challenge)
	check(ts, err)
	b64 := base64.RawURLEncoding.EncodeToString
	var order struct {
		ID      string `json:"id"`
		Secret  string `json:"secret"`
		Tickets []struct {
			Signed string `json:"signed"`
		} `json:"tickets"`
	}
	post(ts, ad.API+"/v1/events/1001/orders", "", map[string]any{"zone": 1, "class": 1, "holder": map[string]any{
		"public_key": w.HolderKey(), "challenge": asked.Challenge, "client_data_json": b64(proof.ClientDataJSON),
		"authenticator_data": b64(proof.AuthenticatorData), "signature": b64(proof.Signature),
	}}, &order)
	post(ts, ad.API+"/v1/orders/"+order.ID+"/pay", order.Secret, map[string]any{"provider": "sandbox", "token": "ok"}, &order)
	if len(order.Tickets) != 1 {
		ts.Fatalf("paid order has %d tickets", len(order.Tickets))
	}
	ts.Setenv("ORDER", order.ID)
	ts.Setenv("SIGNED", order.Tickets[0].Signed)
	ts.Setenv("HOLDER", w.HolderKey().String())
}

func post(ts *testscript.TestScript, url, bearer string, in, out any) {
	body, err := json.Marshal(in)
	check(ts, err)
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	check(ts, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", rand.Text())
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	check(ts, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	check(ts, err)
	if resp.StatusCode/100 != 2 {
		ts.Fatalf("POST %s: %s %s", url, resp.Status, text)
	}
	check(ts, json.Unmarshal(text, out))
}

// watch DIR N [STATUS] connects as the gate enrolled in DIR and waits until set
// and deltas together name N tickets, the last of them with that status; each is
// verified with nothing but the gate's own trust list. The holder's own copy of
// the ticket must be the same.
func watch(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[1])
	check(ts, err)
	status := ticket.StatusValid
	if len(args) > 2 {
		status = ticket.StatusRefunded
	}
	id, err := identity.Load(ts.MkAbs(args[0]), time.Now)
	check(ts, err)
	list, err := id.Anchor().Open(id.TrustList(), time.Now())
	check(ts, err)
	ring, err := trust.NewKeyring(list)
	check(ts, err)
	heard, stop := listen(ts, id, topic.Manifest(show), topic.AllDeltas(show))
	defer stop()
	known := make(map[ticket.ID]ticket.Status)
	deltas := make(map[uint64]*ticketset.Delta)
	var manifest *ticketset.Manifest
	deadline := time.After(patience)
	for {
		if manifest != nil && manifest.Total == 0 && len(known) == want && all(known, status) {
			return
		}
		select {
		case m := <-heard:
			n, err := topic.Parse(m.name)
			check(ts, err)
			if n.Kind == topic.SetManifest {
				manifest, err = ticketset.OpenManifest(ring, show, m.data, time.Now())
				check(ts, err)
				continue
			}
			d, err := ticketset.OpenDelta(ring, show, m.data, time.Now())
			check(ts, err)
			deltas[d.Seq] = d
			apply(ts, ring, deltas, known)
		case <-deadline:
			ts.Fatalf("gate knows %v after %s, want %d tickets %s", known, patience, want, status)
		}
	}
}

func all(known map[ticket.ID]ticket.Status, want ticket.Status) bool {
	for _, s := range known {
		if s != want {
			return false
		}
	}
	return true
}

// apply works the deltas off in order, as far as there is no gap.
func apply(ts *testscript.TestScript, ring *trust.Keyring, deltas map[uint64]*ticketset.Delta, known map[ticket.ID]ticket.Status) {
	clear(known)
	for seq := uint64(1); deltas[seq] != nil; seq++ {
		for _, op := range deltas[seq].Ops {
			known[op.Ticket.ID] = op.Status
			if op.Kind != ticketset.OpNew {
				continue
			}
			signed, err := base64.RawURLEncoding.DecodeString(ts.Getenv("SIGNED"))
			check(ts, err)
			own, err := pass.OpenTicket(ring, signed, time.Now())
			check(ts, err)
			if own.ID != op.Ticket.ID || own.Holder.String() != ts.Getenv("HOLDER") || own.Holder != op.Ticket.Holder {
				ts.Fatalf("the holder has %+v, the gate is told of %+v", own, op.Ticket)
			}
		}
	}
}

type heardMessage struct {
	name string
	data []byte
}

func listen(ts *testscript.TestScript, id *identity.Identity, filters ...string) (<-chan heardMessage, func()) {
	heard := make(chan heardMessage, 1024)
	var endpoints []link.Endpoint
	for _, e := range id.Endpoints() {
		endpoints = append(endpoints, link.Endpoint(e))
	}
	l, err := link.New(context.Background(), link.Config{
		Endpoints: endpoints, TLS: id.TLS, ClientID: id.Device(), Subscriptions: filters,
		OnMessage: func(name string, data []byte) { heard <- heardMessage{name, bytes.Clone(data)} },
		Logger:    slog.New(slog.DiscardHandler), Now: time.Now,
	})
	check(ts, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run(ctx) }()
	return heard, func() { cancel(); <-done }
}

// shut DIR checks that the device enrolled there is let in no longer.
func shut(ts *testscript.TestScript, _ bool, args []string) {
	id, err := identity.Load(ts.MkAbs(args[0]), time.Now)
	check(ts, err)
	if err := id.Renew(context.Background()); !errors.Is(err, identity.ErrRefused) {
		ts.Fatalf("renewed with %v, want ErrRefused", err)
	}
	heard, stop := listen(ts, id, topic.TrustList())
	defer stop()
	select {
	case m := <-heard:
		ts.Fatalf("a revoked device heard %s", m.name)
	case <-time.After(500 * time.Millisecond): // that nothing comes can only be waited for
	}
}
