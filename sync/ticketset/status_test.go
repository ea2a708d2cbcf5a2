package ticketset

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/con-ting/conting/sync/canon"
	"github.com/con-ting/conting/sync/ticket"
)

// The packing example of the draft, section 4.2: two bits an entry, the first
// entry in the lowest bits.
var (
	draftStatuses = []ticket.Status{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}
	draftPacked   = []byte{0xc9, 0x44, 0xf9}
)

func TestStatusPacking(t *testing.T) {
	got, err := packStatuses(draftStatuses)
	if err != nil || !bytes.Equal(got, draftPacked) {
		t.Fatalf("packStatuses(%v) = %x, %v; want %x", draftStatuses, got, err, draftPacked)
	}
	s := Statuses{packed: draftPacked, count: len(draftStatuses)}
	for i, want := range draftStatuses {
		if s.At(i) != want {
			t.Errorf("At(%d) = %s, want %s", i, s.At(i), want)
		}
	}
	for _, i := range []int{-1, 12, 1 << 40} {
		if s.At(i) != ticket.StatusBlocked {
			t.Errorf("At(%d) = %s, want blocked", i, s.At(i))
		}
	}
}

func TestStatusOddLengths(t *testing.T) {
	for n := range 20 {
		in := make([]ticket.Status, n)
		for i := range in {
			in[i] = ticket.Status((i + n) % 4)
		}
		data, err := encodeStatuses(in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := decodeStatuses(data, n)
		if err != nil || out.Len() != n {
			t.Fatalf("%d entries: %d, %v", n, out.Len(), err)
		}
		for i := range in {
			if out.At(i) != in[i] {
				t.Errorf("%d entries: At(%d) = %s, want %s", n, i, out.At(i), in[i])
			}
		}
		if _, err := decodeStatuses(data, n+4); !errors.Is(err, ErrMalformed) {
			t.Errorf("a list of %d read as %d = %v, want ErrMalformed", n, n+4, err)
		}
	}
}

func deflate(t *testing.T, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

func TestStatusRefuses(t *testing.T) {
	whole := deflate(t, draftPacked)
	badSum := bytes.Clone(whole)
	badSum[len(badSum)-1] ^= 1
	for name, tc := range map[string]struct {
		in   any
		want error
	}{
		"one bit an entry":    {statusList{1, whole}, ErrMalformed},
		"three bits an entry": {statusList{3, whole}, ErrMalformed},
		"too short":           {statusList{2, deflate(t, draftPacked[:2])}, ErrMalformed},
		"too long":            {statusList{2, deflate(t, append(bytes.Clone(draftPacked), 0))}, ErrMalformed},
		"padding set":         {statusList{2, deflate(t, []byte{0xc9, 0x44, 0xf9})}, ErrMalformed},
		"bomb":                {statusList{2, deflate(t, make([]byte, 64<<20))}, ErrTooLarge},
		"truncated zlib":      {statusList{2, whole[:len(whole)-5]}, ErrMalformed},
		"wrong checksum":      {statusList{2, badSum}, ErrMalformed},
		"bytes after zlib":    {statusList{2, append(bytes.Clone(whole), 0)}, ErrMalformed},
		"not zlib":            {statusList{2, []byte("no")}, ErrMalformed},
		"unknown member":      {map[string]any{"bits": 2, "lst": whole, "aggregation_uri": "x"}, ErrMalformed},
	} {
		data, err := canon.Marshal(tc.in)
		if err != nil {
			t.Fatal(err)
		}
		count := 12
		if name == "padding set" {
			count = 11
		}
		if _, err := decodeStatuses(data, count); !errors.Is(err, tc.want) {
			t.Errorf("%s: decodeStatuses(%x…) = %v, want %v", name, data[:min(len(data), 16)], err, tc.want)
		}
	}
	if _, err := decodeStatuses(make([]byte, MaxStatus+1), 12); !errors.Is(err, ErrTooLarge) {
		t.Errorf("oversized = %v, want ErrTooLarge", err)
	}
}

// The published vectors: `VECTORS=DIR go test` with the folder that holds
// token-status-list/ of the draft's repository.
func TestVectorsTokenStatusList(t *testing.T) {
	dir := os.Getenv("VECTORS")
	if dir == "" {
		t.Skip("VECTORS is not set: the Token Status List vectors were NOT checked")
	}
	read := func(name string) (packed, encoded []byte) {
		data, err := os.ReadFile(filepath.Join(dir, "token-status-list", name))
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		if m := regexp.MustCompile(`byte_array = \[([^\]]*)\]`).FindStringSubmatch(text); m != nil {
			packed = unhex(t, strings.NewReplacer("0x", "", ",", "", " ", "").Replace(m[1]))
			text = text[strings.Index(text, "encoded:")+len("encoded:"):]
		}
		return packed, unhex(t, strings.Join(strings.Fields(text), ""))
	}
	for name, bits := range map[string]int{"status_list_encoding_cbor.md": 1, "status_list_encoding2_cbor.md": 2} {
		packed, encoded := read(name)
		gotBits, got, err := inflateStatuses(encoded, 1<<20)
		if err != nil || len(packed) == 0 || gotBits != bits || !bytes.Equal(got, packed) {
			t.Errorf("%s: inflateStatuses(%x) = %d bits, %x, %v; want %d, %x", name, encoded, gotBits, got, err, bits, packed)
		}
	}
	for name, bits := range map[string]int{"status_list_encoding4_cbor.md": 4, "status_list_encoding8_cbor.md": 8} {
		_, encoded := read(name) // of 2^20 entries
		gotBits, got, err := inflateStatuses(encoded, 1<<20)
		if err != nil || gotBits != bits || len(got) != bits<<17 {
			t.Errorf("%s: inflateStatuses = %d bits, %d bytes, %v; want %d, %d", name, gotBits, len(got), err, bits, bits<<17)
		}
		if _, err := decodeStatuses(encoded, 1<<20); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s read as a list of two bits = %v, want ErrMalformed", name, err)
		}
	}
	_, encoded := read("status_list_encoding2_cbor.md")
	s, err := decodeStatuses(encoded, len(draftStatuses))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range draftStatuses {
		if s.At(i) != want {
			t.Errorf("vector: At(%d) = %s, want %s", i, s.At(i), want)
		}
	}
	// The long list of 2^20 entries, of which the draft names these.
	_, encoded = read("status_list_encoding2_long_cbor.md")
	if s, err = decodeStatuses(encoded, 1<<20); err != nil {
		t.Fatal(err)
	}
	set := map[int]ticket.Status{0: 1, 1993: 2, 25460: 1, 159495: 3, 495669: 1, 554353: 1, 645645: 2, 723232: 1, 854545: 1, 934534: 2, 1000345: 3}
	for i := range s.Len() {
		if s.At(i) != set[i] {
			t.Errorf("long vector: At(%d) = %s, want %s", i, s.At(i), set[i])
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
