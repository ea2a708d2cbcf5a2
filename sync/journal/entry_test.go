package journal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/journal"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata/journal")

var golden = filepath.Join("..", "..", "testdata", "journal", "chain.json")

const gate = ticket.DeviceID("gate-north-1")

// chain returns encoded entries that follow one another, from a decision to an exit.
func chain(t testing.TB) [][]byte {
	t.Helper()
	person := ticket.ID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	start := journal.At(noon)
	return link(t, 0, [32]byte{}, []journal.Entry{
		{Kind: journal.Decision, Time: start, Uncertainty: 40, Event: 7, Lane: "north-1", Ticket: person, Outcome: ticket.Admit, Reason: ticket.OK, Mode: journal.Central, Evidence: [32]byte{0xaa}},
		{Kind: journal.Passed, Time: start + 1, Uncertainty: 40, Event: 7, Lane: "north-1", Ticket: person, Refers: 1},
		{Kind: journal.Decision, Time: start + 1<<16, Event: 7, Lane: "north-1", Ticket: person, Outcome: ticket.Refuse, Reason: ticket.AlreadyAdmitted, Mode: journal.Alone, Evidence: [32]byte{0xbb}},
		{Kind: journal.Decision, Time: start + 2<<16, Lane: "북문", Outcome: ticket.Refer, Reason: ticket.Malformed, Mode: journal.Peers},
		{Kind: journal.Undone, Time: start + 3<<16, Event: 7, Lane: "desk", Ticket: person, Reason: "refer_to_staff", Refers: 1},
		{Kind: journal.Left, Time: start + 4<<16, Event: 7, Lane: "exit", Ticket: person},
	})
}

// link numbers, chains and encodes entries after the given head.
func link(t testing.TB, seq uint64, prev [32]byte, entries []journal.Entry) [][]byte {
	t.Helper()
	var out [][]byte
	for _, e := range entries {
		seq++
		e.Seq, e.Prev = seq, prev
		data, err := e.Encode()
		if err != nil {
			t.Fatalf("encode %+v: %v", e, err)
		}
		prev = journal.EntryHash(data)
		out = append(out, data)
	}
	return out
}

func signer(t testing.TB, seed byte) trust.Signer {
	t.Helper()
	s, err := trust.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type goldenFile struct {
	Comment string          `json:"comment"`
	Device  ticket.DeviceID `json:"device"`
	Seed    string          `json:"ed25519_seed"`
	Public  string          `json:"ed25519_public"`
	Entries []goldenEntry   `json:"entries"`
	At      journal.HLC     `json:"checkpoint_at"`
	Batch   string          `json:"batch"`
}

type goldenEntry struct {
	CBOR string `json:"cbor"`
	Hash string `json:"hash"`
	Kind string `json:"kind"`
	Seq  uint64 `json:"seq"`
}

// TestGolden pins the bytes: journals outlive the software that wrote them.
func TestGolden(t *testing.T) {
	s, at := signer(t, 1), journal.At(noon)+9<<16
	got := goldenFile{
		Comment: "a device's journal, its entries' hashes, and the batch that carries them",
		Device:  gate, Seed: strings.Repeat("01", 32), Public: hex.EncodeToString(s.Public().Bytes()), At: at,
	}
	entries := chain(t)
	for _, data := range entries {
		e, err := journal.ParseEntry(data)
		if err != nil {
			t.Fatal(err)
		}
		hash := journal.EntryHash(data)
		got.Entries = append(got.Entries, goldenEntry{CBOR: hex.EncodeToString(data), Hash: hex.EncodeToString(hash[:]), Kind: e.Kind.String(), Seq: e.Seq})
	}
	batch, err := journal.SealBatch(s, gate, entries, at)
	if err != nil {
		t.Fatal(err)
	}
	got.Batch = hex.EncodeToString(batch)
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("journal encodes as\n%s\nwant\n%s", text, want)
	}
}

func TestEntryRoundTrip(t *testing.T) {
	for _, data := range chain(t) {
		e, err := journal.ParseEntry(data)
		if err != nil {
			t.Errorf("ParseEntry(%x): %v", data, err)
			continue
		}
		again, err := e.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%+v encodes as %x, %v; want %x", e, again, err, data)
		}
	}
}

func TestEntryCheck(t *testing.T) {
	good := journal.Entry{
		Seq: 9, Kind: journal.Decision, Time: 1 << 16, Lane: "a", Ticket: ticket.ID{1}, Outcome: ticket.Admit,
		Reason: ticket.OK, Mode: journal.Hub, Prev: [32]byte{1},
	}
	if err := good.Check(); err != nil {
		t.Fatalf("Check(%+v) = %v", good, err)
	}
	for name, spoil := range map[string]func(*journal.Entry){
		"no sequence number":        func(e *journal.Entry) { e.Seq = 0 },
		"no kind":                   func(e *journal.Entry) { e.Kind = 0 },
		"unknown kind":              func(e *journal.Entry) { e.Kind = journal.Left + 1 },
		"no time":                   func(e *journal.Entry) { e.Time = 0 },
		"first with a predecessor":  func(e *journal.Entry) { e.Seq = 1 },
		"later without predecessor": func(e *journal.Entry) { e.Prev = [32]byte{} },
		"long lane":                 func(e *journal.Entry) { e.Lane = strings.Repeat("a", journal.MaxLane+1) },
		"lane with a line feed":     func(e *journal.Entry) { e.Lane = "a\nb" },
		"lane of invalid UTF-8":     func(e *journal.Entry) { e.Lane = "\xff" },
		"no outcome":                func(e *journal.Entry) { e.Outcome = 0 },
		"unknown outcome":           func(e *journal.Entry) { e.Outcome = 9 },
		"no mode":                   func(e *journal.Entry) { e.Mode = 0 },
		"unknown mode":              func(e *journal.Entry) { e.Mode = 9 },
		"no reason":                 func(e *journal.Entry) { e.Reason = "" },
		"reason that is no code":    func(e *journal.Entry) { e.Reason = "Too Late" },
		"long reason":               func(e *journal.Entry) { e.Reason = ticket.Reason(strings.Repeat("a", journal.MaxReason+1)) },
		"decision that refers":      func(e *journal.Entry) { e.Refers = 1 },
		"refusal that refers":       func(e *journal.Entry) { e.Refers, e.Outcome, e.Reason = 1, ticket.Refuse, ticket.ConfirmedByStaff },
		"admitted nobody":           func(e *journal.Entry) { e.Ticket = ticket.ID{} },
		"passed without decision":   func(e *journal.Entry) { e.Kind = journal.Passed },
		"passed before decision":    func(e *journal.Entry) { e.Kind, e.Refers = journal.Passed, 9 },
		"passed nobody":             func(e *journal.Entry) { e.Kind, e.Refers, e.Ticket = journal.Passed, 1, ticket.ID{} },
		"left nobody":               func(e *journal.Entry) { e.Kind, e.Ticket = journal.Left, ticket.ID{} },
	} {
		e := good
		spoil(&e)
		if err := e.Check(); !errors.Is(err, journal.ErrInvalid) {
			t.Errorf("%s: Check(%+v) = %v, want ErrInvalid", name, e, err)
		}
		if data, err := e.Encode(); err == nil {
			t.Errorf("%s: encoded as %x", name, data)
		}
	}
	confirmed := good
	confirmed.Refers, confirmed.Reason = 8, ticket.ConfirmedByStaff
	if data, err := confirmed.Encode(); err != nil {
		t.Errorf("an admission that a steward confirmed after a referral is refused: %v", err)
	} else if again, err := journal.ParseEntry(data); err != nil || again != confirmed {
		t.Errorf("ParseEntry(%x) = %+v, %v, want %+v", data, again, err, confirmed)
	}
	unknown := good
	unknown.Reason = "a_reason_of_next_year"
	if err := unknown.Check(); err != nil {
		t.Errorf("a newer gate's reason code is refused: %v", err)
	}
}

func TestParseEntryRefuses(t *testing.T) {
	data := chain(t)[0]
	for name, in := range map[string][]byte{
		"empty":     nil,
		"truncated": data[:len(data)-1],
		"trailing":  append(bytes.Clone(data), 0),
		"oversized": append(bytes.Clone(data), make([]byte, journal.MaxEntry)...),
		"a map":     {0xa0},
	} {
		if e, err := journal.ParseEntry(in); !errors.Is(err, journal.ErrInvalid) && !errors.Is(err, journal.ErrTooLarge) {
			t.Errorf("%s: ParseEntry(%x) = %+v, %v", name, in, e, err)
		}
	}
}

// The longest entry that passes Check must fit, or a gate could write what it can
// never send.
func TestLongestEntryFits(t *testing.T) {
	var entries [][]byte
	prev := [32]byte{0xff}
	const first = ^uint64(0) - journal.MaxEntries
	for i := range uint64(journal.MaxEntries) {
		e := journal.Entry{
			Seq: first + i, Kind: journal.Left, Time: journal.HLC(first + i), Uncertainty: ^uint32(0), Event: ^ticket.EventID(0),
			Lane: strings.Repeat("a", journal.MaxLane), Ticket: ticket.ID{1}, Outcome: ticket.Refer,
			Reason: ticket.Reason(strings.Repeat("a", journal.MaxReason)), Mode: journal.Alone, Refers: first + i - 1,
			Evidence: [32]byte{1}, Prev: prev,
		}
		data, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > journal.MaxEntry {
			t.Fatalf("longest entry takes %d bytes, the most is %d", len(data), journal.MaxEntry)
		}
		entries, prev = append(entries, data), journal.EntryHash(data)
	}
	s := signer(t, 1)
	batch, err := journal.SealBatch(s, ticket.DeviceID(strings.Repeat("a", ticket.MaxDeviceIDLen)), entries, ^journal.HLC(0))
	if err != nil {
		t.Fatalf("largest batch: %v", err)
	}
	t.Logf("longest entry %d bytes, largest batch %d bytes", len(entries[0]), len(batch))
}

func FuzzParseEntry(f *testing.F) {
	for _, data := range chain(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := journal.ParseEntry(data)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("accepted %x but it encodes as %x, %v", data, again, err)
		}
	})
}
