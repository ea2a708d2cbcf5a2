package queue_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
)

// lobby opens a room with so many people in it.
func lobby(t *testing.T, people int, change ...func(*queue.Settings)) (*house, []*person) {
	t.Helper()
	h := newHouse(t)
	opens := h.now().Add(time.Minute)
	h.room(append(change, func(s *queue.Settings) { s.Opens = opens })...)
	all := h.crowd(0, people)
	for i, p := range all {
		if p.State != queue.Lobby || p.Position != 0 || int(p.Number) != i+1 || !p.Opens.Equal(opens) {
			t.Fatalf("before the opening person %d is %s at %d with number %d", i, p.State, p.Position, p.Number)
		}
	}
	h.pass(59*time.Second, time.Second, all...)
	all[0].want(queue.Lobby, "")
	h.pass(time.Second, time.Second, all...)
	return h, all
}

func (h *house) file() string {
	h.t.Helper()
	var b bytes.Buffer
	if err := h.q.WriteShuffle(h.t.Context(), event, &b); err != nil {
		h.t.Fatal(err)
	}
	return b.String()
}

// Those before the opening are shuffled as the published seed says, those after it
// come behind, and every receipt shows the rank that its owner has.
func TestLobbyIsShuffled(t *testing.T) {
	h, all := lobby(t, 500, func(s *queue.Settings) { s.Paused = true })
	late := h.crowd(1000, 3)
	info, err := h.q.Info(event)
	if err != nil || !info.Open {
		t.Fatalf("the room is open: %t, %v", info.Open, err)
	}
	v, err := queue.VerifyShuffle(strings.NewReader(h.file()))
	if err != nil {
		t.Fatal(err)
	}
	if v.People != 500 || v.Key != info.Key || !v.Open() {
		t.Fatalf("the file is about %d people, key %s, open %t", v.People, v.Key, v.Open())
	}
	seen := map[uint32]bool{}
	moved := 0
	for _, p := range slices.Concat(all, late) {
		p.poll()
		r, rank, err := v.Rank(p.receipt.Text)
		if err != nil || r.Number != p.Number || rank != p.Position || seen[rank] {
			t.Fatalf("number %d stands at %d; its receipt says number %d, rank %d, %v", p.Number, p.Position, r.Number, rank, err)
		}
		seen[rank] = true
		if rank != p.Number {
			moved++
		}
	}
	if moved < 450 {
		t.Errorf("only %d of 500 were moved by the shuffle", moved)
	}
	for i, p := range late {
		if int(p.Position) != 501+i {
			t.Errorf("who came %d. after the opening stands at %d", i+1, p.Position)
		}
	}
}

// Nothing in a shuffle file can be changed without being found.
func TestTamperedShuffle(t *testing.T) {
	h, all := lobby(t, 20)
	good := h.file()
	if _, err := queue.VerifyShuffle(strings.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	line, rest, _ := strings.Cut(good, "\n")
	var header map[string]any
	if err := json.Unmarshal([]byte(line), &header); err != nil {
		t.Fatal(err)
	}
	for key, v := range header {
		changed := map[string]any{}
		for k, w := range header {
			changed[k] = w
		}
		switch v := v.(type) {
		case string:
			changed[key] = v + "0"
			if len(v) > 0 {
				changed[key] = strings.Map(func(r rune) rune {
					if r == rune(v[0]) {
						return 'f' - (r & 1)
					}
					return r
				}, v)
			}
			if changed[key] == v {
				changed[key] = v[1:] + v[:1]
			}
		case float64:
			changed[key] = v + 1
		}
		text, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		_, err = queue.VerifyShuffle(strings.NewReader(string(text) + "\n" + rest))
		wantErr(t, "changed "+key, err, queue.ErrShuffle)
	}
	lines := strings.Split(strings.TrimSuffix(rest, "\n"), "\n")
	swapped := slices.Clone(lines)
	swapped[3], swapped[4] = swapped[4], swapped[3]
	for what, text := range map[string]string{
		"two people swapped": line + "\n" + strings.Join(swapped, "\n") + "\n",
		"one too few":        line + "\n" + strings.Join(lines[:19], "\n") + "\n",
		"one too many":       good + lines[0] + "\n",
		"upper case":         line + "\n" + strings.ToUpper(rest) + "x",
		"nothing":            "",
		"no end":             strings.TrimSuffix(good, "\n"),
	} {
		_, err := queue.VerifyShuffle(strings.NewReader(text))
		wantErr(t, what, err, queue.ErrShuffle)
	}
	v, err := queue.VerifyShuffle(strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	receipt := all[3].receipt.Text
	for i := range receipt {
		bad := []byte(receipt)
		bad[i] = "AB"[bad[i]&1]
		if string(bad) == receipt {
			continue
		}
		if _, _, err := v.Rank(string(bad)); err == nil {
			t.Fatalf("a receipt changed at %d was taken", i)
		}
	}
}

// Whoever makes a file of their own, signed with their own key, can be caught too.
func TestForgedShuffle(t *testing.T) {
	h, all := lobby(t, 20, func(s *queue.Settings) { s.BeaconSource = "a lottery" })
	line, rest, _ := strings.Cut(h.file(), "\n")
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var keys []queue.Key
	for text := range strings.Lines(rest) {
		keys = append(keys, queue.Key(unhex(t, strings.TrimSpace(text))))
	}
	forge := func(change func(*queue.Shuffled, []queue.Key)) (*queue.Verified, error) {
		var s queue.Shuffled
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		list := slices.Clone(keys)
		change(&s, list)
		sum := queue.ListHash(event, list)
		s.Key, s.List = hex.EncodeToString(public), hex.EncodeToString(sum[:])
		s.Signature = hex.EncodeToString(ed25519.Sign(private, s.Signed()))
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, '\n')
		for _, k := range list {
			text = append(text, k.String()+"\n"...)
		}
		return queue.VerifyShuffle(bytes.NewReader(text))
	}
	_, err = forge(func(_ *queue.Shuffled, list []queue.Key) { list[17] = list[2] })
	wantErr(t, "somebody twice", err, queue.ErrShuffle)
	_, err = forge(func(s *queue.Shuffled, _ []queue.Key) { s.Commitment = "\x1b[2J" })
	wantErr(t, "a commitment that is none", err, queue.ErrShuffle)
	_, err = forge(func(s *queue.Shuffled, _ []queue.Key) { s.Seed = strings.Repeat("00", 32) })
	wantErr(t, "another seed", err, queue.ErrShuffle)
	_, err = forge(func(s *queue.Shuffled, _ []queue.Key) { s.Opened = 1 })
	wantErr(t, "open without a seed", err, queue.ErrShuffle)
	_, err = forge(func(s *queue.Shuffled, _ []queue.Key) { s.People = queue.MaxPeople })
	wantErr(t, "more people than lines", err, queue.ErrShuffle)
	v, err := forge(func(_ *queue.Shuffled, list []queue.Key) { list[2], list[3] = queue.Key{}, queue.Key{} })
	if err != nil {
		t.Fatalf("numbers that are nobody's: %v", err)
	}
	_, _, err = v.Rank(all[2].receipt.Text) // signed by the true key, not by this file's
	wantErr(t, "a receipt of another key", err, queue.ErrShuffle)
}

// Who leaves the lobby and enters anew has one chance, with the new number.
func TestOneChance(t *testing.T) {
	h := newHouse(t)
	opens := h.now().Add(time.Minute)
	h.room(func(s *queue.Settings) { s.Opens, s.Paused = opens, true })
	all := h.crowd(0, 10)
	first := all[3].receipt.Text
	if err := h.q.Leave(t.Context(), event, all[3].Token.String()); err != nil {
		t.Fatal(err)
	}
	all[3].enter()
	if all[3].Number != 11 || all[3].State != queue.Lobby {
		t.Fatalf("entered anew as %d, %s", all[3].Number, all[3].State)
	}
	h.pass(time.Minute, time.Second, all...)
	v, err := queue.VerifyShuffle(strings.NewReader(h.file()))
	if err != nil {
		t.Fatal(err)
	}
	all[3].poll()
	if _, rank, err := v.Rank(all[3].receipt.Text); err != nil || rank != all[3].Position {
		t.Errorf("the new number stands at %d, the receipt says %d, %v", all[3].Position, rank, err)
	}
	_, _, err = v.Rank(first)
	wantErr(t, "the number that was given up", err, queue.ErrShuffle)
}

// With a beacon the room opens when its value is known, and not before.
func TestBeacon(t *testing.T) {
	h, all := lobby(t, 50, func(s *queue.Settings) { s.BeaconSource = "the lottery of 1 November" })
	h.pass(time.Minute, time.Second, all...)
	all[0].want(queue.Lobby, "")
	late := h.person(999).enter()
	v, err := queue.VerifyShuffle(strings.NewReader(h.file()))
	if err != nil || v.Open() || v.Seed != "" || v.Order() != nil {
		t.Fatalf("before the beacon: open %t, seed %q, %v", v.Open(), v.Seed, err)
	}
	if r, rank, err := v.Rank(all[7].receipt.Text); err != nil || rank != 0 || r.Number != 8 {
		t.Errorf("before the beacon the receipt is of number %d, rank %d, %v", r.Number, rank, err)
	}
	set := queue.DefaultSettings()
	set.Opens = h.now()
	_, err = h.q.Put(t.Context(), event, set)
	wantErr(t, "taking the beacon away", err, queue.ErrSealed)
	if _, err := h.q.Announce(t.Context(), event, "4 8 15 16 23 42"); err != nil {
		t.Fatal(err)
	}
	_, err = h.q.Announce(t.Context(), event, "1 2 3 4 5 6")
	wantErr(t, "another beacon", err, queue.ErrSealed)
	if late.poll(); late.State != queue.Waiting || late.Number != 51 || late.Position != 51 {
		t.Errorf("who came after the list was fixed is %s at %d", late.State, late.Position)
	}
	v, err = queue.VerifyShuffle(strings.NewReader(h.file()))
	if err != nil || v.Beacon != "4 8 15 16 23 42" {
		t.Fatalf("beacon %q, %v", v.Beacon, err)
	}
	if without := queue.Shuffle(event, [32]byte(unhex(t, v.Seed)), [32]byte(unhex(t, v.List)), "", 50); slices.Equal(without, v.Order()) {
		t.Error("the order does not depend on the beacon")
	}
}

// The shuffle is the one that is written down, bit for bit; testdata/shuffle.py is
// another program for it.
func TestShuffleVector(t *testing.T) {
	got := queue.Shuffle(7, [32]byte{1, 2, 3}, [32]byte{4, 5, 6}, "beacon", 20)
	want := vector()
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(queue.Shuffle(7, [32]byte{}, [32]byte{}, "", 0)) != 0 {
		t.Error("nobody was shuffled")
	}
}

// Every place is as likely for everybody.
func TestShuffleIsFair(t *testing.T) {
	const people, rounds = 8, 4000
	var counts [people][people]int
	for i := range rounds {
		for rank, number := range queue.Shuffle(1, [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}, [32]byte{}, "", people) {
			counts[number-1][rank]++
		}
	}
	want := float64(rounds) / people
	for number := range counts {
		sum := 0.0
		for _, n := range counts[number] {
			sum += (float64(n) - want) * (float64(n) - want) / want
		}
		if sum > 30 { // χ² with 7 degrees of freedom: 1 in 10,000; the seeds are fixed
			t.Errorf("number %d: ranks %v, χ² = %.1f", number+1, counts[number], sum)
		}
	}
}

func vector() []uint32 {
	return []uint32{17, 1, 11, 15, 12, 8, 4, 5, 20, 2, 7, 3, 14, 16, 18, 10, 6, 9, 19, 13}
}
