package credential_test

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/credential"
	"github.com/con-ting/conting/sync/trust"
)

func TestCredentialOfEachKindComesBack(t *testing.T) {
	holder, relative := newP256(t, "holder"), newP256(t, "relative")
	for _, issuer := range []party{newEd25519(t, "registrar"), newP256(t, "registrar")} {
		for _, want := range []credential.Credential{staffOf(holder), familyOf(holder, relative), ageOf(holder)} {
			got, err := verifierOf(t, issuer).Credential(context.Background(), issue(t, issuer, want), someTime)
			if err != nil {
				t.Errorf("%s by %s: %v", want.Type, issuer.Public(), err)
				continue
			}
			want.Issuer, want.IssuerName = issuer.did, "Registrar"
			if !reflect.DeepEqual(*got, want) {
				t.Errorf("%s by %s: got %+v, want %+v", want.Type, issuer.Public(), *got, want)
			}
		}
	}
}

func TestPresentationOfSeveralCredentials(t *testing.T) {
	issuer, other, holder, relative := newEd25519(t, "registrar"), newP256(t, "other"), newP256(t, "holder"), newEd25519(t, "relative")
	v := verifierOf(t, issuer, other)
	vp := present(t, holder, issue(t, issuer, staffOf(holder)), issue(t, other, ageOf(holder)), issue(t, issuer, familyOf(holder, relative)))
	w := wanted
	w.Holder = holder.did
	got, err := v.Presentation(context.Background(), vp, w, someTime)
	if err != nil {
		t.Fatal(err)
	}
	if got.Holder != holder.did || len(got.Credentials) != 3 || got.Credentials[1].Type != credential.Age || got.Credentials[1].Issuer != other.did {
		t.Errorf("got %+v", got)
	}
}

func TestCredentialInTime(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	v, c := verifierOf(t, issuer), staffOf(holder)
	jwt := issue(t, issuer, c)
	for name, x := range map[string]struct {
		at   time.Time
		want string
	}{
		"at its beginning":                {c.Issued, "ok"},
		"by an issuer whose clock is on":  {c.Issued.Add(-credential.Leeway), "ok"},
		"before its beginning":            {c.Issued.Add(-credential.Leeway - time.Second), "expired"},
		"in its last second":              {c.Expires.Add(-time.Second), "ok"},
		"at its end":                      {c.Expires, "expired"},
		"on a clock that was never set":   {time.Time{}, "expired"},
		"in another time zone of the end": {c.Expires.In(time.FixedZone("KST", 9*3600)), "expired"},
	} {
		got, err := v.Credential(context.Background(), jwt, x.at)
		if verdict(err) != x.want {
			t.Errorf("%s: %v, want %s", name, err, x.want)
		}
		if got == nil || got.ID != c.ID {
			t.Errorf("%s: a genuine credential is not returned", name)
		}
	}
}

func TestIssuerOfTheList(t *testing.T) {
	issuer, stranger, holder := newEd25519(t, "registrar"), newEd25519(t, "stranger"), newP256(t, "holder")
	only := func(accepts ...string) *credential.Verifier {
		in := listed(issuer)
		in.Accepts = accepts
		return newVerifier(t, credential.Config{Issuers: []trust.Issuer{in}})
	}
	for name, x := range map[string]struct {
		v    *credential.Verifier
		jwt  string
		want string
	}{
		"of the kind":                       {only("staff"), issue(t, issuer, staffOf(holder)), "ok"},
		"of several kinds":                  {only("age", "staff"), issue(t, issuer, staffOf(holder)), "ok"},
		"of another kind":                   {only("age", "family"), issue(t, issuer, staffOf(holder)), "issuer"},
		"unknown":                           {only("staff"), issue(t, stranger, staffOf(holder)), "issuer"},
		"of a kind that we do not know yet": {only("staff", "press"), issue(t, issuer, staffOf(holder)), "ok"},
		"no issuers at all":                 {newVerifier(t, credential.Config{}), issue(t, issuer, staffOf(holder)), "issuer"},
		"oneself":                           {only("staff"), issue(t, holder, staffOf(holder)), "issuer"},
	} {
		got, err := x.v.Credential(context.Background(), x.jwt, someTime)
		if verdict(err) != x.want || (got != nil) != (x.want == "ok") {
			t.Errorf("%s: got %v, %v, want %s", name, got, err, x.want)
		}
	}
}

func TestPresentationAnswersWhatIsAsked(t *testing.T) {
	issuer, holder, thief := newEd25519(t, "registrar"), newP256(t, "holder"), newP256(t, "thief")
	v := verifierOf(t, issuer)
	vp := present(t, holder, issue(t, issuer, staffOf(holder)))
	for name, x := range map[string]struct {
		vp   string
		w    credential.Want
		at   time.Time
		want string
	}{
		"all right":                      {vp, wanted, someTime, "ok"},
		"of the holder":                  {vp, credential.Want{Audience: someAudience, Nonce: someNonce, Holder: holder.did}, someTime, "ok"},
		"of another holder":              {vp, credential.Want{Audience: someAudience, Nonce: someNonce, Holder: thief.did}, someTime, "subject"},
		"for another gate":               {vp, credential.Want{Audience: "conting:gate:gate-8", Nonce: someNonce}, someTime, "audience"},
		"for another nonce":              {vp, credential.Want{Audience: someAudience, Nonce: someNonce + "X"}, someTime, "nonce"},
		"asked for no audience":          {vp, credential.Want{Nonce: someNonce}, someTime, "invalid"},
		"asked for no nonce":             {vp, credential.Want{Audience: someAudience}, someTime, "invalid"},
		"a stolen credential":            {present(t, thief, issue(t, issuer, staffOf(holder))), wanted, someTime, "subject"},
		"one of two stolen":              {present(t, thief, issue(t, issuer, ageOf(thief)), issue(t, issuer, staffOf(holder))), wanted, someTime, "subject"},
		"on a phone that is 90 s ahead":  {vp, wanted, someTime.Add(-90 * time.Second), "ok"},
		"on a phone that is 90 s behind": {vp, wanted, someTime.Add(time.Minute + 90*time.Second), "ok"},
		"too late":                       {vp, wanted, someTime.Add(time.Minute + credential.Leeway), "expired"},
		"too early":                      {vp, wanted, someTime.Add(-credential.Leeway - time.Second), "expired"},
	} {
		_, err := v.Presentation(context.Background(), x.vp, x.w, x.at)
		if verdict(err) != x.want {
			t.Errorf("%s: %v, want %s", name, err, x.want)
		}
	}
}

func TestCancelledContext(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	v := verifierOf(t, issuer)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	jwt := issue(t, issuer, staffOf(holder))
	if _, err := v.Credential(ctx, jwt, someTime); err == nil {
		t.Error("Credential does not heed its context")
	}
	if _, err := v.Presentation(ctx, present(t, holder, jwt), wanted, someTime); err == nil {
		t.Error("Presentation does not heed its context")
	}
	if _, err := v.StatusList(ctx, nil, someList, someTime); err == nil {
		t.Error("StatusList does not heed its context")
	}
}

// TestSizeLimits pads what is otherwise in order: JSON allows spaces.
func TestSizeLimits(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	v := verifierOf(t, issuer)
	good := issue(t, issuer, staffOf(holder))
	padded := func(s party, jwt string, limit int) (fits, tooLong string) {
		payload := jsonOf(t, claimsOf(t, jwt))
		n := 0
		for {
			text := rawJWS(t, s, headerOf(s), []byte(payload+strings.Repeat(" ", n)))
			if len(text) > limit {
				return fits, text
			}
			fits = text
			n += max(1, (limit-len(text))/2)
		}
	}
	check := func(name, want string, err error) {
		t.Helper()
		if verdict(err) != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	fits, tooLong := padded(issuer, good, credential.MaxCredential)
	_, err := v.Credential(context.Background(), fits, someTime)
	check("credential as long as may be", "ok", err)
	_, err = v.Credential(context.Background(), tooLong, someTime)
	check("credential too long", "malformed", err)

	fits, tooLong = padded(holder, present(t, holder, good), credential.MaxPresentation)
	_, err = v.Presentation(context.Background(), fits, wanted, someTime)
	check("presentation as long as may be", "ok", err)
	_, err = v.Presentation(context.Background(), tooLong, wanted, someTime)
	check("presentation too long", "malformed", err)

	fits, tooLong = padded(issuer, listOf(t, issuer), credential.MaxStatusList)
	_, err = v.StatusList(context.Background(), []byte(fits), someList, someTime)
	check("status list as long as may be", "ok", err)
	_, err = v.StatusList(context.Background(), []byte(tooLong), someList, someTime)
	check("status list too long", "malformed", err)
}

func TestVerifierIsSharedByGoroutines(t *testing.T) {
	issuer, holder := newEd25519(t, "registrar"), newP256(t, "holder")
	list := []byte(listOf(t, issuer, 1))
	v := newVerifier(t, credential.Config{
		Issuers: []trust.Issuer{listed(issuer)}, Statuses: func(string) ([]byte, bool) { return list, true },
	})
	c := staffOf(holder)
	c.Status = &credential.StatusRef{List: someList, Index: 2}
	vp := present(t, holder, issue(t, issuer, c))
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := v.Presentation(context.Background(), vp, wanted, someTime); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}
