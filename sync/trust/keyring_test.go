package trust_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

func TestKeyringVerify(t *testing.T) {
	all, some, hub, next, unlisted := newEd25519(t, 1), newEd25519(t, 2), newES256(t, 3), newEd25519(t, 4), newEd25519(t, 5)
	from, to := someTime.Add(-time.Hour).Unix(), someTime.Add(time.Hour).Unix()
	l := trust.List{
		Version: 7, Issued: 1, Expires: someTime.Add(2 * time.Hour).Unix(),
		Keys: []trust.Key{
			{Role: trust.RoleEvent, Public: all.Public(), NotBefore: from, NotAfter: to},
			{Role: trust.RoleEvent, Public: some.Public(), NotBefore: from, NotAfter: to, Events: []ticket.EventID{7, 9}},
			{Role: trust.RoleHub, Public: hub.Public(), NotBefore: from, NotAfter: to},
			{Role: trust.RoleEvent, Public: next.Public(), NotBefore: to - 60, NotAfter: to + 36000},
		},
	}
	ring, err := trust.NewKeyring(&l)
	if err != nil {
		t.Fatal(err)
	}
	if ring.Version() != 7 || ring.Expires().Unix() != l.Expires {
		t.Errorf("keyring of version %d until %s", ring.Version(), ring.Expires())
	}
	// What happens to the list afterwards does not matter.
	l.Keys[1].Events[0] = 8
	l.Keys[0].Role = trust.RoleHub

	at := func(unix int64) time.Time { return time.Unix(unix, 0) }
	for name, c := range map[string]struct {
		signer trust.Signer
		role   trust.Role
		event  ticket.EventID
		at     time.Time
		want   error
	}{
		"key of all events":           {all, trust.RoleEvent, 12345, someTime, nil},
		"key of all, no event":        {all, trust.RoleEvent, 0, someTime, nil},
		"key of this event":           {some, trust.RoleEvent, 9, someTime, nil},
		"key of this event, copied":   {some, trust.RoleEvent, 7, someTime, nil},
		"key of other events":         {some, trust.RoleEvent, 8, someTime, trust.ErrWrongEvent},
		"key of some events, none":    {some, trust.RoleEvent, 0, someTime, trust.ErrWrongEvent},
		"hub as hub":                  {hub, trust.RoleHub, 7, someTime, nil},
		"hub as event":                {hub, trust.RoleEvent, 7, someTime, trust.ErrWrongRole},
		"event as hub":                {all, trust.RoleHub, 7, someTime, trust.ErrWrongRole},
		"event as root":               {all, trust.RoleRoot, 7, someTime, trust.ErrWrongRole},
		"unlisted":                    {unlisted, trust.RoleEvent, 7, someTime, trust.ErrUnknownKey},
		"first second":                {all, trust.RoleEvent, 7, at(from), nil},
		"before":                      {all, trust.RoleEvent, 7, at(from - 1), trust.ErrNotYet},
		"last second":                 {all, trust.RoleEvent, 7, at(to - 1), nil},
		"after":                       {all, trust.RoleEvent, 7, at(to), trust.ErrExpired},
		"next key, not yet":           {next, trust.RoleEvent, 7, at(to - 61), trust.ErrNotYet},
		"next key, while both are in": {next, trust.RoleEvent, 7, at(to - 60), nil},
		"next key, the list ended":    {next, trust.RoleEvent, 7, at(l.Expires), trust.ErrExpired},
	} {
		payload, err := ring.Verify(c.role, c.event, ctx, sign1(t, c.signer, ctx, "payload"), c.at)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: Verify = %v, want %v", name, err, c.want)
		}
		if want := map[bool]string{true: "payload"}[err == nil]; string(payload) != want {
			t.Errorf("%s: payload %q with %v", name, payload, err)
		}
	}
	if _, err := ring.Verify(trust.RoleEvent, 7, ctx, sign1(t, all, "conting/other/v1", "payload"), someTime); !errors.Is(err, trust.ErrBadSignature) {
		t.Errorf("signed for another context: %v, want ErrBadSignature", err)
	}
	if _, err := ring.Verify(trust.RoleEvent, 7, ctx, []byte("payload"), someTime); !errors.Is(err, trust.ErrMalformed) {
		t.Errorf("not signed: %v, want ErrMalformed", err)
	}
	if _, err := ring.Verify(trust.RoleEvent, 7, ctx, make([]byte, trust.MaxMessage+1), someTime); !errors.Is(err, trust.ErrTooLarge) {
		t.Errorf("too large: %v, want ErrTooLarge", err)
	}
}

func TestKeyringConcurrently(t *testing.T) {
	l := someList(t)
	ring, err := trust.NewKeyring(&l)
	if err != nil {
		t.Fatal(err)
	}
	data := sign1(t, newEd25519(t, 10), ctx, "payload")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := ring.Verify(trust.RoleEvent, 1, ctx, data, someTime); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkKeyringVerify(b *testing.B) {
	for name, s := range map[string]trust.Signer{"EdDSA": newEd25519(b, 10), "ES256": newES256(b, 10)} {
		l := someList(b)
		l.Keys[0].Public = s.Public()
		ring, err := trust.NewKeyring(&l)
		if err != nil {
			b.Fatal(err)
		}
		data := sign1(b, s, ctx, "a payload about as long as a ticket's, which is some ninety bytes long, as is this")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ring.Verify(trust.RoleEvent, 1, ctx, data, someTime); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
