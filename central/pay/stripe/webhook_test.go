package stripe_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/pay/stripe"
)

// vector is a body, and its signature at signedAt as openssl made it:
//
//	printf '%s' '1700000000.BODY' | openssl dgst -sha256 -hmac whsec_test
const (
	vector    = `{"object":"event","livemode":false,"data":{"object":{"id":"pi_1","object":"payment_intent"}}}`
	vectorSum = "7cf3888b1f8bdcfb760d6a9e8e86f79d235dc54d7976f530f2a2134ead3f96d5"
)

func sign(secret string, at int64, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	if _, err := fmt.Fprintf(mac, "%d.%s", at, body); err != nil {
		return err.Error()
	}
	return hex.EncodeToString(mac.Sum(nil))
}

func header(values ...string) http.Header { return http.Header{stripe.SignatureHeader: values} }

func TestSignatures(t *testing.T) {
	c := config("")
	c.WebhookSecrets = []string{webhookSecret, "whsec_next"}
	s, err := stripe.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	good := fmt.Sprintf("t=%d,v1=%s", signedAt, vectorSum)
	other := sign("whsec_other", signedAt, vector)
	at := func(when time.Duration) string {
		unix := signedAt + int64(when/time.Second)
		return fmt.Sprintf("t=%d,v1=%s", unix, sign(webhookSecret, unix, vector))
	}
	for name, c := range map[string]struct {
		header http.Header
		ok     bool
	}{
		"as documented":             {header(good), true},
		"with an older scheme":      {header(good + ",v0=" + other), true},
		"spaces":                    {header(strings.Replace(good, ",", ", ", 1)), true},
		"several, one is right":     {header(fmt.Sprintf("t=%d,v1=%s,v1=%s", signedAt, other, vectorSum)), true},
		"the next secret":           {header(fmt.Sprintf("t=%d,v1=%s", signedAt, sign("whsec_next", signedAt, vector))), true},
		"again":                     {header(good), true},
		"almost too old":            {header(at(-stripe.Tolerance)), true},
		"too old":                   {header(at(-stripe.Tolerance - time.Second)), false},
		"from the future":           {header(at(stripe.Tolerance + time.Second)), false},
		"another secret":            {header(fmt.Sprintf("t=%d,v1=%s", signedAt, other)), false},
		"another time":              {header(fmt.Sprintf("t=%d,v1=%s", signedAt+1, vectorSum)), false},
		"only the older scheme":     {header(fmt.Sprintf("t=%d,v0=%s", signedAt, vectorSum)), false},
		"no time":                   {header("v1=" + vectorSum), false},
		"two times":                 {header(fmt.Sprintf("t=%d,t=%d,v1=%s", signedAt-1, signedAt, vectorSum)), false},
		"time with a sign":          {header(fmt.Sprintf("t=+%d,v1=%s", signedAt, vectorSum)), false},
		"negative time":             {header("t=-1,v1=" + sign(webhookSecret, -1, vector)), false},
		"empty signature":           {header(fmt.Sprintf("t=%d,v1=", signedAt)), false},
		"half a signature":          {header(fmt.Sprintf("t=%d,v1=%s", signedAt, vectorSum[:32])), false},
		"no signature":              {header(), false},
		"empty header":              {header(""), false},
		"two headers":               {header(good, good), false},
		"endless header":            {header(good + strings.Repeat(",v0=00", 4096)), false},
		"more than anybody signs":   {header(fmt.Sprintf("t=%d", signedAt) + strings.Repeat(",v1="+other, 64) + ",v1=" + vectorSum), false},
		"header of another service": {http.Header{"X-Signature": {good}}, false},
	} {
		n, err := s.Webhook(t.Context(), c.header, []byte(vector))
		if c.ok && (err != nil || n.Reference != "pi_1" || n.Asks) || !c.ok && !errors.Is(err, pay.ErrForged) {
			t.Errorf("%s: Webhook = %+v, %v; want taken %t", name, n, err, c.ok)
		}
	}
	if _, err := s.Webhook(t.Context(), header(good), []byte(vector+" ")); !errors.Is(err, pay.ErrForged) {
		t.Errorf("a changed body: %v, want ErrForged", err)
	}
	long := strings.Repeat(" ", pay.MaxWebhook+1)
	if _, err := s.Webhook(t.Context(), header(fmt.Sprintf("t=%d,v1=%s", signedAt, sign(webhookSecret, signedAt, long))), []byte(long)); !errors.Is(err, pay.ErrForged) {
		t.Errorf("an endless body: %v, want ErrForged", err)
	}
}

func TestWebhookNamesPayment(t *testing.T) {
	s := open(t, "")
	for body, want := range map[string]string{
		vector: "pi_1",
		`{"object":"event","data":{"object":{"id":"ch_1","object":"charge","payment_intent":"pi_2","status":"succeeded"}}}`: "pi_2",
		`{"object":"event","data":{"object":{"id":"re_1","object":"refund","payment_intent":{"id":"pi_3"}}}}`:               "pi_3",
		`{"object":"event","data":{"object":{"id":"dp_1","object":"dispute","payment_intent":"pi_4"}}}`:                     "pi_4",
		`{"object":"event","data":{"object":{"id":"re_1","object":"refund","payment_intent":null}}}`:                        "",
		`{"object":"event","data":{"object":{"id":"cus_1","object":"customer"}}}`:                                           "",
		`{"object":"event","data":{"object":{"id":"pi_1/../x","object":"payment_intent"}}}`:                                 "",
		`{"object":"event","livemode":true,"data":{"object":{"id":"pi_1","object":"payment_intent"}}}`:                      "", // of the live account
		`{"object":"v2.core.event","data":{"object":{"id":"pi_1","object":"payment_intent"}}}`:                              "",
		`{}`:    "",
		`[1]`:   "",
		`hello`: "",
		``:      "",
	} {
		n, err := s.Webhook(t.Context(), header(fmt.Sprintf("t=%d,v1=%s", signedAt, sign(webhookSecret, signedAt, body))), []byte(body))
		if err != nil || n.Reference != want || n.Asks {
			t.Errorf("Webhook(%s) = %+v, %v; want %q", body, n, err, want)
		}
	}
}

func FuzzWebhook(f *testing.F) {
	f.Add(fmt.Sprintf("t=%d,v1=%s", signedAt, vectorSum), vector, false)
	f.Add("t=1,v1=00,v0=", `{"object":"event","data":{"object":{"object":"charge","payment_intent":{"id":"pi_3"}}}}`, true)
	f.Add("t=,v1=,,==", "{", true)
	s, err := stripe.New(f.Context(), config(""))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, body string, genuine bool) {
		if genuine {
			text = fmt.Sprintf("t=%d,v1=%s", signedAt, sign(webhookSecret, signedAt, body))
		}
		n, err := s.Webhook(t.Context(), header(text), []byte(body))
		if genuine && len(body) <= pay.MaxWebhook && err != nil {
			t.Errorf("a genuine message was refused: %v", err)
		}
		if n.Reference != "" && !strings.HasPrefix(n.Reference, "pi_") {
			t.Errorf("reference %q", n.Reference)
		}
	})
}
