package wallet_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/con-ting/conting/central/mint/wallet"
)

// begin makes a message for an account and somebody's wallet.
func begin(t *testing.T, r *wallet.Room, account string, who ed25519.PrivateKey) wallet.Challenge {
	t.Helper()
	c, err := r.Begin(t.Context(), account, addressOf(who), wallet.English)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sign(who ed25519.PrivateKey, c wallet.Challenge) []byte {
	return ed25519.Sign(who, []byte(c.Message))
}

func TestLinkAndUnlink(t *testing.T) {
	r, m, c := room(t)
	own := person(1)
	before, err := r.Wallet(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	challenge := begin(t, r, anna, own)
	if len(m.posted) != 0 {
		t.Error("a message alone has posted something")
	}
	w, err := r.Link(t.Context(), anna, sign(own, challenge))
	if err != nil {
		t.Fatal(err)
	}
	if w.Kind() != wallet.Outside || w.Address() != addressOf(own) || w.Kept != before.Kept || !w.Since.Equal(c.at) {
		t.Errorf("linked: %+v, want at %s", w, addressOf(own))
	}
	if got, err := r.Address(t.Context(), anna); got != addressOf(own) || err != nil {
		t.Errorf("address %s %v, want %s", got, err, addressOf(own))
	}
	if s, err := r.SignerFor(t.Context(), anna); err != nil || s.Address() != before.Kept {
		t.Errorf("signer: %v, want that of the custodial wallet still", err)
	}
	if w, err = r.Unlink(t.Context(), anna); err != nil || w.Kind() != wallet.Custodial || w.Address() != before.Kept {
		t.Errorf("unlinked: %+v %v, want at %s", w, err, before.Kept)
	}
	if _, err := r.Unlink(t.Context(), anna); !errors.Is(err, wallet.ErrNotLinked) {
		t.Errorf("again: %v, want ErrNotLinked", err)
	}
	if !slices.Equal(m.posted, []string{anna, anna}) {
		t.Errorf("posted for %v, want each change of anna's", m.posted)
	}
}

// TestRelink links another wallet in place of the first.
func TestRelink(t *testing.T) {
	r, _, _ := room(t)
	for n := byte(1); n <= 2; n++ {
		if _, err := r.Link(t.Context(), anna, sign(person(n), begin(t, r, anna, person(n)))); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := r.Address(t.Context(), anna); got != addressOf(person(2)) || err != nil {
		t.Errorf("%s %v, want the second", got, err)
	}
	// The first is free again.
	if _, err := r.Link(t.Context(), ben, sign(person(1), begin(t, r, ben, person(1)))); err != nil {
		t.Error(err)
	}
}

// TestLinkRefuses has everything but the right signature of the right message by the
// right key for the right account in time.
func TestLinkRefuses(t *testing.T) {
	own := person(1)
	cases := map[string]struct {
		sign func(t *testing.T, r *wallet.Room, c *clock, m wallet.Challenge) (account string, signature []byte)
		want error
	}{
		"another key": {func(_ *testing.T, _ *wallet.Room, _ *clock, m wallet.Challenge) (string, []byte) {
			return anna, sign(person(2), m)
		}, wallet.ErrSignature},
		"another text": {func(_ *testing.T, _ *wallet.Room, _ *clock, m wallet.Challenge) (string, []byte) {
			m.Message += "\n"
			return anna, sign(own, m)
		}, wallet.ErrSignature},
		"a short signature": {func(_ *testing.T, _ *wallet.Room, _ *clock, m wallet.Challenge) (string, []byte) {
			return anna, sign(own, m)[:63]
		}, wallet.ErrSignature},
		"a long signature": {func(_ *testing.T, _ *wallet.Room, _ *clock, m wallet.Challenge) (string, []byte) {
			return anna, append(sign(own, m), 0)
		}, wallet.ErrSignature},
		"none": {func(*testing.T, *wallet.Room, *clock, wallet.Challenge) (string, []byte) {
			return anna, nil
		}, wallet.ErrSignature},
		"a signature of another spelling": {func(_ *testing.T, _ *wallet.Room, _ *clock, m wallet.Challenge) (string, []byte) {
			return anna, malleate(sign(own, m))
		}, wallet.ErrSignature},
		"another account": {func(_ *testing.T, _ *wallet.Room, _ *clock, m wallet.Challenge) (string, []byte) {
			return ben, sign(own, m)
		}, wallet.ErrChallenge},
		"another account with a message of its own": {func(t *testing.T, r *wallet.Room, _ *clock, m wallet.Challenge) (string, []byte) {
			begin(t, r, ben, own)
			return ben, sign(own, m)
		}, wallet.ErrSignature},
		"the message before": {func(t *testing.T, r *wallet.Room, _ *clock, m wallet.Challenge) (string, []byte) {
			begin(t, r, anna, own)
			return anna, sign(own, m)
		}, wallet.ErrSignature},
		"too late": {func(_ *testing.T, _ *wallet.Room, c *clock, m wallet.Challenge) (string, []byte) {
			c.at = c.at.Add(wallet.ChallengeLifetime)
			return anna, sign(own, m)
		}, wallet.ErrChallenge},
		"a second time": {func(t *testing.T, r *wallet.Room, _ *clock, m wallet.Challenge) (string, []byte) {
			if _, err := r.Link(t.Context(), anna, sign(own, m)); err != nil {
				t.Error(err)
			}
			if _, err := r.Unlink(t.Context(), anna); err != nil {
				t.Error(err)
			}
			return anna, sign(own, m)
		}, wallet.ErrChallenge},
	}
	for name, it := range cases {
		t.Run(name, func(t *testing.T) {
			r, m, c := room(t)
			account, signature := it.sign(t, r, c, begin(t, r, anna, own))
			posted := len(m.posted)
			if w, err := r.Link(t.Context(), account, signature); !errors.Is(err, it.want) {
				t.Errorf("%+v %v, want %v", w, err, it.want)
			}
			if len(m.posted) != posted {
				t.Error("something was posted")
			}
			for _, account := range []string{anna, ben} {
				if w, err := r.Wallet(t.Context(), account); w.Kind() != wallet.Custodial || err != nil {
					t.Errorf("%+v %v: want nothing linked", w, err)
				}
			}
		})
	}
}

// malleate adds the order of the group to a signature's scalar, which lax verifiers
// take for the same signature.
func malleate(sig []byte) []byte {
	order := []byte{
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	}
	out := bytes.Clone(sig)
	carry := 0
	for i, b := range order {
		carry += int(out[32+i]) + int(b)
		out[32+i] = byte(carry)
		carry >>= 8
	}
	return out
}

func TestLastMomentIsInTime(t *testing.T) {
	r, _, c := room(t)
	m := begin(t, r, anna, person(1))
	c.at = c.at.Add(wallet.ChallengeLifetime - time.Second)
	if _, err := r.Link(t.Context(), anna, sign(person(1), m)); err != nil {
		t.Error(err)
	}
}

func TestWalletOfTwo(t *testing.T) {
	r, m, _ := room(t)
	own := person(1)
	if _, err := r.Link(t.Context(), anna, sign(own, begin(t, r, anna, own))); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Link(t.Context(), ben, sign(own, begin(t, r, ben, own))); !errors.Is(err, wallet.ErrTaken) {
		t.Errorf("%v, want ErrTaken", err)
	}
	if len(m.posted) != 1 {
		t.Errorf("posted for %v, want for anna alone", m.posted)
	}
}

// TestMessageIsUsedOnce sends one signature many times at once.
func TestMessageIsUsedOnce(t *testing.T) {
	r, m, _ := room(t)
	own := person(1)
	signature := sign(own, begin(t, r, anna, own))
	var linked atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			switch _, err := r.Link(t.Context(), anna, signature); {
			case err == nil:
				linked.Add(1)
			case !errors.Is(err, wallet.ErrChallenge):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if linked.Load() != 1 || len(m.posted) != 1 {
		t.Errorf("linked %d times, posted for %v, want once", linked.Load(), m.posted)
	}
}

// TestBecameOurs has an address become ours between message and signature.
func TestBecameOurs(t *testing.T) {
	r, m, _ := room(t)
	own := person(1)
	signature := sign(own, begin(t, r, anna, own))
	m.change(ben, func(w *wallet.Wallet) { w.Account, w.Kept = ben, addressOf(own) })
	if _, err := r.Link(t.Context(), anna, signature); !errors.Is(err, wallet.ErrReserved) {
		t.Errorf("%v, want ErrReserved", err)
	}
}

func TestNobodyBegins(t *testing.T) {
	r, m, _ := room(t)
	m.people = []string{ben}
	if _, err := r.Begin(t.Context(), anna, addressOf(person(1)), wallet.Korean); !errors.Is(err, wallet.ErrUnknown) {
		t.Errorf("an account that is gone: %v, want ErrUnknown", err)
	}
	if _, err := r.Begin(t.Context(), ben, "somewhere", wallet.Korean); !errors.Is(err, wallet.ErrAddress) {
		t.Errorf("no address: %v, want ErrAddress", err)
	}
	if _, err := r.Link(t.Context(), ben, make([]byte, 64)); !errors.Is(err, wallet.ErrChallenge) {
		t.Errorf("without a message: %v, want ErrChallenge", err)
	}
}

// TestMessage pins the text: wallets parse it, and people read it.
func TestMessage(t *testing.T) {
	r, _, _ := room(t)
	address := addressOf(person(1))
	for lang, statement := range map[wallet.Language]string{
		wallet.English: "Link this wallet to my account at tickets.example.org. My tickets will be kept in it. This costs nothing and moves nothing that is mine.",
		wallet.Korean:  "이 지갑을 tickets.example.org 계정에 연결합니다. 앞으로 제 티켓은 이 지갑에 보관됩니다. 비용이 들지 않으며 지갑의 자산은 이동하지 않습니다.",
		"fr":           "이 지갑을 tickets.example.org 계정에 연결합니다. 앞으로 제 티켓은 이 지갑에 보관됩니다. 비용이 들지 않으며 지갑의 자산은 이동하지 않습니다.",
	} {
		c, err := r.Begin(t.Context(), anna, address, lang)
		if err != nil {
			t.Fatal(err)
		}
		want := "tickets.example.org wants you to sign in with your Solana account:\n" + address + "\n\n" + statement + "\n\n" +
			"URI: https://tickets.example.org\nVersion: 1\nChain ID: localnet\nNonce: " + c.Nonce +
			"\nIssued At: 2027-05-01T12:00:00Z\nExpiration Time: 2027-05-01T12:10:00Z"
		if c.Message != want || len(c.Nonce) != 32 || len(c.Message) > wallet.MaxMessage {
			t.Errorf("%s: message\n%s\nwant\n%s", lang, c.Message, want)
		}
	}
}

func TestLongestMessage(t *testing.T) {
	c := newClock()
	cfg := config(newMemory(c.now), c)
	cfg.Origin = "https://" + strings.Repeat("a", 255)
	cfg.Chain = strings.Repeat("m", 64)
	m, err := open(t, cfg).Begin(t.Context(), anna, addressOf(person(1)), wallet.Korean)
	if err != nil || len(m.Message) > wallet.MaxMessage {
		t.Errorf("%d bytes, %v, want at most %d", len(m.Message), err, wallet.MaxMessage)
	}
}

func TestNoncesDiffer(t *testing.T) {
	r, _, _ := room(t)
	seen := map[string]bool{}
	for range 100 {
		c := begin(t, r, anna, person(1))
		if seen[c.Nonce] || !strings.Contains(c.Message, "Nonce: "+c.Nonce+"\n") {
			t.Fatalf("nonce %s in\n%s", c.Nonce, c.Message)
		}
		seen[c.Nonce] = true
	}
}

// TestEnvelopes signs as hardware wallets and the solana command do.
func TestEnvelopes(t *testing.T) {
	own := person(1)
	public := publicOf(own)
	length := func(c wallet.Challenge) []byte {
		return binary.LittleEndian.AppendUint16(nil, uint16(len(c.Message)))
	}
	none := make([]byte, 32)
	for name, it := range map[string]struct {
		wrap func(c wallet.Challenge) []byte
		want error
	}{
		"command, ASCII": {func(c wallet.Challenge) []byte {
			return slices.Concat([]byte("\xffsolana offchain\x00\x00"), length(c), []byte(c.Message))
		}, nil},
		"command, UTF-8": {func(c wallet.Challenge) []byte {
			return slices.Concat([]byte("\xffsolana offchain\x00\x01"), length(c), []byte(c.Message))
		}, nil},
		"specification": {func(c wallet.Challenge) []byte {
			return slices.Concat([]byte("\xffsolana offchain\x00"), none, []byte{1, 1}, public, length(c), []byte(c.Message))
		}, nil},
		"specification, ASCII": {func(c wallet.Challenge) []byte {
			return slices.Concat([]byte("\xffsolana offchain\x00"), none, []byte{0, 1}, public, length(c), []byte(c.Message))
		}, nil},
		"another signer": {func(c wallet.Challenge) []byte {
			return slices.Concat([]byte("\xffsolana offchain\x00"), none, []byte{1, 1}, none, length(c), []byte(c.Message))
		}, wallet.ErrSignature},
		"another version": {func(c wallet.Challenge) []byte {
			return slices.Concat([]byte("\xffsolana offchain\x01\x01"), length(c), []byte(c.Message))
		}, wallet.ErrSignature},
		"another length": {func(c wallet.Challenge) []byte {
			return slices.Concat([]byte("\xffsolana offchain\x00\x01\x01\x00"), []byte(c.Message))
		}, wallet.ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, _ := room(t)
			c := begin(t, r, anna, own)
			if _, err := r.Link(t.Context(), anna, ed25519.Sign(own, it.wrap(c))); !errors.Is(err, it.want) {
				t.Errorf("%v, want %v", err, it.want)
			}
		})
	}
}

// FuzzLink holds that no signature but the right one links anything.
func FuzzLink(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 64))
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, signature []byte) {
		r, m, _ := room(t)
		c := begin(t, r, anna, person(1))
		if w, err := r.Link(t.Context(), anna, signature); !errors.Is(err, wallet.ErrSignature) || len(m.posted) != 0 {
			t.Fatalf("%x linked %+v, %v", signature, w, err)
		}
		// A part of the right one is none either.
		right := sign(person(1), c)
		if n := copy(right, signature); n > 0 && !bytes.Equal(right, sign(person(1), c)) {
			if _, err := r.Link(t.Context(), anna, right); !errors.Is(err, wallet.ErrSignature) {
				t.Fatalf("%x: %v, want ErrSignature", right, err)
			}
		}
	})
}
