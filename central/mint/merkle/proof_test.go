package merkle_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/con-ting/conting/central/mint/merkle"
	"github.com/con-ting/conting/sync/ticket"
)

var update = flag.Bool("update", false, "write the golden files")

func TestEveryTicketIsProved(t *testing.T) {
	for _, it := range []struct{ tickets, size int }{{1, 1000}, {2, 1}, {7, 3}, {50, 8}, {64, 8}, {65, 64}} {
		parts := chunks(it.tickets, it.size)
		root, hashes := build(t, set, parts)
		for number, records := range parts {
			for _, r := range records {
				p, err := merkle.Prove(set, secret, hashes, number, records, r.Ticket.ID)
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Verify(root); err != nil {
					t.Fatalf("%d tickets by %d, %s: %v", it.tickets, it.size, r.Ticket.ID, err)
				}
				if !reflect.DeepEqual(p.Record, r) {
					t.Fatalf("%+v, want %+v", p.Record, r)
				}
			}
		}
	}
}

func TestLargestSet(t *testing.T) {
	parts := chunks(3000, merkle.MaxRecords)
	p, root := prove(t, parts, 2, 999)
	if err := p.Verify(root); err != nil {
		t.Error(err)
	}
	text, err := json.Marshal(p)
	if err != nil || len(text) > merkle.MaxProof {
		t.Errorf("%d bytes, %v, want at most %d", len(text), err, merkle.MaxProof)
	}
	hashes := numbered(merkle.MaxChunks)
	_, mine := build(t, set, parts[:1])
	hashes[4000] = mine[0]
	if p, err = merkle.Prove(set, secret, hashes, 4000, parts[0], parts[0][7].Ticket.ID); err != nil {
		t.Fatal(err)
	}
	if text, err = json.Marshal(p); err != nil || len(text) > merkle.MaxProof {
		t.Errorf("of the largest set: %d bytes, %v, want at most %d", len(text), err, merkle.MaxProof)
	}
	if _, err := merkle.ParseProof(text); err != nil {
		t.Error(err)
	}
	b := merkle.NewBuilder(set, secret)
	for i := range merkle.MaxChunks + 1 {
		err := b.Add([]merkle.Record{record(i)})
		if i < merkle.MaxChunks && err != nil || i == merkle.MaxChunks && !errors.Is(err, merkle.ErrRecord) {
			t.Fatalf("chunk %d: %v", i, err)
		}
	}
}

func TestEmptySet(t *testing.T) {
	root, hashes := build(t, set, nil)
	if len(hashes) != 0 || root == (merkle.Hash{}) || root != merkle.RootOf(set, nil) {
		t.Errorf("root %x of %d chunks", root, len(hashes))
	}
	if _, err := merkle.Prove(set, secret, hashes, 0, []merkle.Record{record(0)}, record(0).Ticket.ID); !errors.Is(err, merkle.ErrChunk) {
		t.Errorf("%v, want ErrChunk", err)
	}
}

// TestEveryFieldCounts alters each field of a proof: none of them leads to the root.
func TestEveryFieldCounts(t *testing.T) {
	parts := chunks(30, 8)
	good, root := prove(t, parts, 1, 3)
	other, _ := build(t, merkle.Set{Event: 7, Version: 43}, parts)
	for name, alter := range map[string]func(*merkle.Proof){
		"event":          func(p *merkle.Proof) { p.Set.Event, p.Record.Ticket.Event = 8, 8 },
		"event of set":   func(p *merkle.Proof) { p.Set.Event = 8 },
		"set version":    func(p *merkle.Proof) { p.Set.Version++ },
		"root":           func(p *merkle.Proof) { p.Root = other },
		"id":             func(p *merkle.Proof) { p.Record.Ticket.ID[15] ^= 1 },
		"zone":           func(p *merkle.Proof) { p.Record.Ticket.Zone++ },
		"class":          func(p *merkle.Proof) { p.Record.Ticket.Class++ },
		"seat":           func(p *merkle.Proof) { p.Record.Ticket.Seat += "A" },
		"ticket version": func(p *merkle.Proof) { p.Record.Ticket.Version++ },
		"holder":         func(p *merkle.Proof) { p.Record.Ticket.Holder = record(0).Ticket.Holder },
		"not before":     func(p *merkle.Proof) { p.Record.Ticket.NotBefore++ },
		"not after":      func(p *merkle.Proof) { p.Record.Ticket.NotAfter++ },
		"flags":          func(p *merkle.Proof) { p.Record.Ticket.Flags ^= 1 },
		"mint":           func(p *merkle.Proof) { p.Record.Ticket.Mint = root[:] },
		"status":         func(p *merkle.Proof) { p.Record.Status ^= 1 },
		"no such status": func(p *merkle.Proof) { p.Record.Status = 4 },
		"salt":           func(p *merkle.Proof) { p.Salt[0] ^= 1 },
		"index":          func(p *merkle.Proof) { p.Index ^= 1 },
		"count":          func(p *merkle.Proof) { p.Count-- },
		"path":           func(p *merkle.Proof) { p.Path[0][0] ^= 1 },
		"longer path":    func(p *merkle.Proof) { p.Path = append(p.Path, root) },
		"no path":        func(p *merkle.Proof) { p.Path = nil },
		"chunk":          func(p *merkle.Proof) { p.Chunk ^= 1 },
		"chunks":         func(p *merkle.Proof) { p.Chunks++ },
		"chunk path":     func(p *merkle.Proof) { p.ChunkPath[1][31] ^= 1 },
		"no chunk path":  func(p *merkle.Proof) { p.ChunkPath = nil },
		"huge":           func(p *merkle.Proof) { p.Count, p.Chunks = 1<<32-1, 1<<32-1 },
	} {
		p := good
		p.Path, p.ChunkPath = slices.Clone(good.Path), slices.Clone(good.ChunkPath)
		alter(&p)
		if err := p.Verify(root); !errors.Is(err, merkle.ErrProof) {
			t.Errorf("%s: %v, want ErrProof", name, err)
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := merkle.ParseProof(text); !errors.Is(err, merkle.ErrProof) {
			t.Errorf("%s, from a file: %v, want ErrProof", name, err)
		}
	}
	if err := good.Verify(root); err != nil {
		t.Error(err)
	}
	if err := good.Verify(other); !errors.Is(err, merkle.ErrProof) {
		t.Errorf("another set's root: %v, want ErrProof", err)
	}
}

// TestNeighboursStayHidden has what a proof shows of the others: not a byte of a
// record, nothing that follows from one without the secret, and nothing that is the
// same in the next set.
func TestNeighboursStayHidden(t *testing.T) {
	parts := chunks(16, 8)
	p, _ := prove(t, parts, 0, 3)
	next := merkle.Set{Event: set.Event, Version: set.Version + 1}
	_, hashes := build(t, next, parts)
	q, err := merkle.Prove(next, secret, hashes, 0, parts[0], p.Record.Ticket.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Path {
		if p.Path[i] == q.Path[i] {
			t.Errorf("level %d is the same in two sets: a neighbour can be followed", i)
		}
	}
	if p.Salt == q.Salt {
		t.Error("salts are the same in two sets")
	}
	unsalted := merkle.NewBuilder(set, merkle.Secret{})
	for _, records := range parts {
		if err := unsalted.Add(records); err != nil {
			t.Fatal(err)
		}
	}
	_, guessed := unsalted.Root()
	if slices.Contains(guessed, p.ChunkPath[0]) {
		t.Error("who knows a neighbour's record sees it confirmed")
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range slices.Concat(parts...) {
		if id := r.Ticket.ID; id != p.Record.Ticket.ID && bytes.Contains(text, []byte(id.String())) {
			t.Errorf("the proof names %s", id)
		}
	}
}

func TestBuilderRefuses(t *testing.T) {
	with := func(alter func(*merkle.Record)) []merkle.Record {
		r := record(5)
		alter(&r)
		return []merkle.Record{r}
	}
	for name, records := range map[string][]merkle.Record{
		"nothing":       nil,
		"too many":      chunks(1006, 1006)[0][5:],
		"another event": with(func(r *merkle.Record) { r.Ticket.Event = 8 }),
		"no id":         with(func(r *merkle.Record) { r.Ticket.ID = ticket.ID{} }),
		"a long seat":   with(func(r *merkle.Record) { r.Ticket.Seat = strings.Repeat("A", 25) }),
		"no UTF-8":      with(func(r *merkle.Record) { r.Ticket.Seat = "\xff" }),
		"a short mint":  with(func(r *merkle.Record) { r.Ticket.Mint = []byte{1} }),
		"status 4":      with(func(r *merkle.Record) { r.Status = 4 }),
		"twice":         {record(5), record(5)},
		"backwards":     {record(6), record(5)},
		"before the last chunk": {
			record(3),
		},
		"again": {record(4)},
	} {
		b := merkle.NewBuilder(set, secret)
		if err := b.Add([]merkle.Record{record(4)}); err != nil {
			t.Fatal(err)
		}
		before, _ := b.Root()
		if err := b.Add(records); !errors.Is(err, merkle.ErrRecord) {
			t.Errorf("%s: %v, want ErrRecord", name, err)
		}
		if after, n := b.Root(); after != before || len(n) != 1 {
			t.Errorf("%s: it is in the root", name)
		}
	}
}

func TestProveRefuses(t *testing.T) {
	parts := chunks(20, 8)
	_, hashes := build(t, set, parts)
	id := parts[1][2].Ticket.ID
	changed := slices.Clone(parts[1])
	changed[2].Ticket.Seat = "1"
	for name, it := range map[string]struct {
		set     merkle.Set
		secret  merkle.Secret
		number  int
		records []merkle.Record
		id      ticket.ID
		want    error
	}{
		"another version": {merkle.Set{Event: 7, Version: 1}, secret, 1, parts[1], id, merkle.ErrChunk},
		"another secret":  {set, merkle.Secret{}, 1, parts[1], id, merkle.ErrChunk},
		"another chunk":   {set, secret, 0, parts[1], id, merkle.ErrChunk},
		"no chunk":        {set, secret, 3, parts[1], id, merkle.ErrChunk},
		"before all":      {set, secret, -1, parts[1], id, merkle.ErrChunk},
		"a part of it":    {set, secret, 1, parts[1][:7], id, merkle.ErrChunk},
		"a changed one":   {set, secret, 1, changed, id, merkle.ErrChunk},
		"another ticket":  {set, secret, 1, parts[1], parts[0][0].Ticket.ID, merkle.ErrAbsent},
		"nothing":         {set, secret, 1, nil, id, merkle.ErrRecord},
	} {
		if p, err := merkle.Prove(it.set, it.secret, hashes, it.number, it.records, it.id); !errors.Is(err, it.want) {
			t.Errorf("%s: %+v %v, want %v", name, p, err, it.want)
		}
	}
}

// TestGoldenProof pins the format: a proof that somebody has kept is good for ever.
func TestGoldenProof(t *testing.T) {
	name := filepath.Join("testdata", "proof.json")
	p, root := prove(t, chunks(20, 8), 2, 2)
	p.Transaction = strings.Repeat("5", 87)
	got, err := json.MarshalIndent(p, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s\nwant\n%s%v", got, want, err)
	}
	back, err := merkle.ParseProof(want)
	if err != nil || !reflect.DeepEqual(back, p) {
		t.Errorf("%+v, %v\nwant %+v", back, err, p)
	}
	if err := back.Verify(root); err != nil {
		t.Error(err)
	}
	var inside struct {
		Proof merkle.Proof `json:"proof"`
	}
	if err := json.Unmarshal(slices.Concat([]byte(`{"proof":`), want, []byte("}")), &inside); err != nil || !reflect.DeepEqual(inside.Proof, p) {
		t.Errorf("inside another object: %+v, %v\nwant %+v", inside.Proof, err, p)
	}
	const memo = "conting:set:1:7:42:5LO3AYvFSDlNtNWE6zhOFE_eARQwCISUytukWG0mh2s"
	if back.Memo().String() != memo {
		t.Errorf("memo %s, want %s", back.Memo(), memo)
	}
}

func TestParseProofIsStrict(t *testing.T) {
	p, _ := prove(t, chunks(20, 8), 1, 4)
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, now string) string {
		out := strings.Replace(string(text), old, now, 1)
		if out == string(text) {
			t.Fatalf("%s is not in %s", old, text)
		}
		return out
	}
	salt := base64.RawURLEncoding.EncodeToString(p.Salt[:])
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	loose := alphabet[strings.IndexByte(alphabet, salt[42])+1] // the last two bits mean nothing
	for name, bad := range map[string]string{
		"nothing":         "",
		"loose bits":      swap(salt, salt[:42]+string(loose)),
		"null":            "null",
		"an array":        "[]",
		"another field":   swap(`{"format"`, `{"x":1,"format"`),
		"a field twice":   swap(`{"format"`, `{"index":4,"format"`),
		"twice, inside":   swap(`"zone":`, `"seat":"VIP","zone":`),
		"another case":    swap(`"salt"`, `"Salt"`),
		"a folded letter": swap(`"salt"`, `"\u017falt"`),
		"another format":  swap("proof-1", "proof-2"),
		"what follows":    string(text) + "{}",
		"cut":             string(text[:len(text)-1]),
		"too long":        string(text) + strings.Repeat(" ", merkle.MaxProof),
		"a status":        swap(`"status":"`, `"status":"in`),
		"a padded hash":   swap(`","index"`, `=","index"`),
		"a line feed":     swap(`"salt":"`, `"salt":"\n`),
		"negative":        swap(`"index":`, `"index":-`),
		"a transaction":   swap(`"chunk":`, `"transaction":"0","chunk":`),
		"before the time": swap(`"not_before":`, `"not_before":-`),
	} {
		if p, err := merkle.ParseProof([]byte(bad)); !errors.Is(err, merkle.ErrProof) || !reflect.DeepEqual(p, merkle.Proof{}) {
			t.Errorf("%s: %+v %v, want ErrProof", name, p, err)
		}
	}
}

func FuzzProof(f *testing.F) {
	p, root := prove(f, chunks(20, 8), 1, 4)
	text, err := json.Marshal(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := merkle.ParseProof(data)
		if err != nil {
			if !errors.Is(err, merkle.ErrProof) {
				t.Fatal(err)
			}
			return
		}
		if got.Verify(root) == nil && !reflect.DeepEqual(got.Record, p.Record) {
			t.Fatalf("another record leads to the root: %+v", got.Record)
		}
		again, err := json.Marshal(&got)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := merkle.ParseProof(again); err != nil || !reflect.DeepEqual(back, got) {
			t.Fatalf("%s: %+v %v, want %+v", again, back, err, got)
		}
	})
}
