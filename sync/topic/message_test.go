package topic_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/topic"
	"github.com/con-ting/conting/sync/trust"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func TestMessagesRoundTrip(t *testing.T) {
	state := topic.State{Epoch: 9, Online: true, Version: "v1.2.3", Set: 4, Delta: 5, Unacked: 6, At: noon.Unix()}
	data, err := state.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := topic.ParseState(data); err != nil || got != state {
		t.Errorf("ParseState(%x) = %+v, %v; want %+v", data, got, err, state)
	}
	ack := topic.Ack{Seq: 7, Hash: [32]byte{1}}
	if data, err = ack.Encode(); err != nil {
		t.Fatal(err)
	}
	if got, err := topic.ParseAck(data); err != nil || got != ack {
		t.Errorf("ParseAck(%x) = %+v, %v; want %+v", data, got, err, ack)
	}
	notice := topic.Notice{Certificate: []byte{1, 2}, Batch: []byte{3}}
	if data, err = notice.Encode(); err != nil {
		t.Fatal(err)
	}
	if got, err := topic.ParseNotice(data); err != nil || !reflect.DeepEqual(got, notice) {
		t.Errorf("ParseNotice(%x) = %+v, %v; want %+v", data, got, err, notice)
	}
	for _, upload := range []topic.Upload{{Batch: []byte{3}, Receipts: [][]byte{}}, {Batch: []byte{3}, Receipts: [][]byte{{1}, {2}}}} {
		if data, err = upload.Encode(); err != nil {
			t.Fatal(err)
		}
		if got, err := topic.ParseUpload(data); err != nil || !reflect.DeepEqual(got, upload) {
			t.Errorf("ParseUpload(%x) = %+v, %v; want %+v", data, got, err, upload)
		}
	}
}

func TestMessagesRefuse(t *testing.T) {
	parsers := map[string]func([]byte) error{
		"state":  func(b []byte) error { _, err := topic.ParseState(b); return err },
		"ack":    func(b []byte) error { _, err := topic.ParseAck(b); return err },
		"notice": func(b []byte) error { _, err := topic.ParseNotice(b); return err },
		"upload": func(b []byte) error { _, err := topic.ParseUpload(b); return err },
	}
	for name, parse := range parsers {
		for what, in := range map[string][]byte{"empty": nil, "no array": {0xa0}, "short array": {0x80}, "trailing": {0x82, 0x01, 0x40, 0x00}} {
			if err := parse(in); !errors.Is(err, topic.ErrMessage) {
				t.Errorf("%s: %s: Parse(%x) = %v, want ErrMessage", name, what, in, err)
			}
		}
		if err := parse(make([]byte, topic.MaxPayload+1)); !errors.Is(err, topic.ErrTooLarge) {
			t.Errorf("%s: oversized: %v, want ErrTooLarge", name, err)
		}
	}
	for name, encode := range map[string]func() ([]byte, error){
		"version too long":         topic.State{Version: strings.Repeat("a", 65)}.Encode,
		"time before 1970":         topic.State{At: -1}.Encode,
		"notice without batch":     topic.Notice{Certificate: []byte{1}}.Encode,
		"notice without signer":    topic.Notice{Batch: []byte{1}}.Encode,
		"certificate of any size":  topic.Notice{Certificate: make([]byte, topic.MaxCertificate+1), Batch: []byte{1}}.Encode,
		"notice of many entries":   topic.Notice{Certificate: []byte{1}, Batch: make([]byte, journal.MaxBatch)}.Encode,
		"upload without batch":     topic.Upload{Receipts: [][]byte{{1}}}.Encode,
		"upload of a long batch":   topic.Upload{Batch: make([]byte, journal.MaxBatch+1)}.Encode,
		"upload of many receipts":  topic.Upload{Batch: []byte{1}, Receipts: slices.Repeat([][]byte{{1}}, topic.MaxReceipts+1)}.Encode,
		"upload of a long receipt": topic.Upload{Batch: []byte{1}, Receipts: [][]byte{make([]byte, journal.MaxReceipt+1)}}.Encode,
		"upload of an empty one":   topic.Upload{Batch: []byte{1}, Receipts: [][]byte{{}}}.Encode,
		"notice beyond every size": topic.Notice{Certificate: []byte{1}, Batch: make([]byte, journal.MaxBatch+1)}.Encode,
	} {
		if data, err := encode(); err == nil {
			t.Errorf("%s: encoded %d bytes", name, len(data))
		}
	}
}

// The fullest upload must fit one message.
func TestUploadFits(t *testing.T) {
	full := topic.Upload{Batch: make([]byte, journal.MaxBatch), Receipts: slices.Repeat([][]byte{make([]byte, journal.MaxReceipt)}, topic.MaxReceipts)}
	if data, err := full.Encode(); err != nil {
		t.Errorf("fullest upload: %d bytes, %v", len(data), err)
	}
}

// No list and an empty one say the same; only one of them is ours.
func TestUploadHasOneForm(t *testing.T) {
	if u, err := topic.ParseUpload([]byte{0x82, 0x41, 0x03, 0xf6}); !errors.Is(err, topic.ErrMessage) {
		t.Errorf("upload with null receipts = %+v, %v; want ErrMessage", u, err)
	}
}

// A notice with the largest single entry and a usual certificate must fit.
func TestNoticeFits(t *testing.T) {
	if limit := topic.MaxNotice - topic.MaxCertificate; limit < journal.MaxEntry+512 {
		t.Errorf("%d bytes are left for a batch of one entry, want %d", limit, journal.MaxEntry+512)
	}
	if journal.MaxBatch > topic.MaxPayload {
		t.Errorf("a batch of %d bytes does not fit a message of %d", journal.MaxBatch, topic.MaxPayload)
	}
}

func TestStateFollows(t *testing.T) {
	birth := topic.State{Epoch: 2, Online: true, At: 100}
	for _, tt := range []struct {
		name string
		next topic.State
		want bool
	}{
		{"next connection", topic.State{Epoch: 3, Online: true, At: 50}, true},
		{"will of this connection", topic.State{Epoch: 2, At: 90}, true},
		{"will of the connection before, which came late", topic.State{Epoch: 1, At: 200}, false},
		{"birth of the connection before", topic.State{Epoch: 1, Online: true, At: 200}, false},
		{"news of this connection", topic.State{Epoch: 2, Online: true, At: 101}, true},
		{"old news of this connection", topic.State{Epoch: 2, Online: true, At: 99}, false},
	} {
		if got := tt.next.Follows(birth); got != tt.want {
			t.Errorf("%s: %+v follows %+v: %v, want %v", tt.name, tt.next, birth, got, tt.want)
		}
	}
	will := topic.State{Epoch: 2}
	if birth.Follows(will) {
		t.Errorf("%+v follows the will of the same connection %+v", birth, will)
	}
}

func TestCommand(t *testing.T) {
	s, err := trust.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	ring := keyring(t, s)
	good := topic.Command{Event: 7, Device: gate, Number: 3, Expires: noon.Unix() + 60, Action: topic.Resend, From: 12}
	data, err := good.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := topic.OpenCommand(ring, 7, gate, data, noon); err != nil || got != good {
		t.Errorf("OpenCommand = %+v, %v; want %+v", got, err, good)
	}
	if _, err := topic.OpenCommand(ring, 7, "gate-2", data, noon); !errors.Is(err, topic.ErrMessage) {
		t.Errorf("another device obeys: %v", err)
	}
	if _, err := topic.OpenCommand(ring, 8, gate, data, noon); err == nil {
		t.Error("another event's device obeys")
	}
	if _, err := topic.OpenCommand(ring, 7, gate, data, noon.Add(2*time.Minute)); !errors.Is(err, trust.ErrExpired) {
		t.Errorf("a command is obeyed after its time: %v", err)
	}
	forged := bytes.Clone(data)
	forged[len(forged)-1] ^= 1
	if _, err := topic.OpenCommand(ring, 7, gate, forged, noon); !errors.Is(err, trust.ErrBadSignature) {
		t.Errorf("forged command: %v", err)
	}
	for name, c := range map[string]topic.Command{
		"no event":       {Device: gate, Number: 1, Expires: 1, Action: topic.Pull},
		"no device":      {Event: 7, Number: 1, Expires: 1, Action: topic.Pull},
		"no number":      {Event: 7, Device: gate, Expires: 1, Action: topic.Pull},
		"no end":         {Event: 7, Device: gate, Number: 1, Action: topic.Pull},
		"unknown action": {Event: 7, Device: gate, Number: 1, Expires: 1, Action: "explode"},
	} {
		if _, err := c.Sign(s); !errors.Is(err, topic.ErrMessage) {
			t.Errorf("%s: Sign(%+v) = %v, want ErrMessage", name, c, err)
		}
	}
}

func keyring(t testing.TB, s trust.Signer) *trust.Keyring {
	t.Helper()
	k, err := trust.NewKeyring(&trust.List{
		Version: 1, Issued: noon.Unix() - 10, Expires: noon.Unix() + 1000,
		Keys: []trust.Key{{Role: trust.RoleEvent, Public: s.Public(), NotBefore: noon.Unix() - 10, NotAfter: noon.Unix() + 1000, Events: []ticket.EventID{7}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func FuzzParseMessages(f *testing.F) {
	state, err := topic.State{Epoch: 9, Online: true, Version: "v1", At: 1}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	ack, err := topic.Ack{Seq: 1}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	notice, err := topic.Notice{Certificate: []byte{1}, Batch: []byte{2}}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	upload, err := topic.Upload{Batch: []byte{2}, Receipts: [][]byte{{3}}}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	listing, err := topic.Listing{URL: "https://r.example/1", JWT: "a.b.c"}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range [][]byte{state, ack, notice, upload, listing} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var again []byte
		var err error
		if m, bad := topic.ParseState(data); bad == nil {
			again, err = m.Encode()
		} else if m, bad := topic.ParseAck(data); bad == nil {
			again, err = m.Encode()
		} else if m, bad := topic.ParseNotice(data); bad == nil {
			again, err = m.Encode()
			// An upload of two byte strings would be a notice; it has a list instead.
			if _, both := topic.ParseUpload(data); both == nil {
				t.Errorf("%x is both a notice and an upload", data)
			}
		} else if m, bad := topic.ParseUpload(data); bad == nil {
			again, err = m.Encode()
		} else if m, bad := topic.ParseListing(data); bad == nil {
			again, err = m.Encode()
		} else {
			return
		}
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("accepted %x but it encodes as %x, %v", data, again, err)
		}
	})
}
