package fleet_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/con-ting/conting/sync/trust"
)

// serve starts the device listener as main does.
func (h *house) serve(t *testing.T) string {
	t.Helper()
	key := newKey(t)
	c, err := h.ca.IssueServer(&key.PublicKey, []string{"127.0.0.1", "localhost"}, h.clock.now())
	must(t, err)
	srv := httptest.NewUnstartedServer(h.Handler())
	srv.TLS = &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{c.DER, h.ca.DER()}, PrivateKey: key}},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    h.ca.Pool(),
		Time:         h.clock.now,
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL
}

func (h *house) client(t *testing.T, certDER []byte, key *ecdsa.PrivateKey) *http.Client {
	t.Helper()
	conf := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: h.ca.Pool(), Time: h.clock.now}
	if key != nil {
		conf.Certificates = []tls.Certificate{{Certificate: [][]byte{certDER}, PrivateKey: key}}
	}
	tr := &http.Transport{TLSClientConfig: conf}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: time.Minute}
}

// text takes a string out of an answer.
func text(t *testing.T, v any) string {
	t.Helper()
	s, ok := v.(string)
	if !ok {
		t.Fatalf("%v is no string", v)
	}
	return s
}

func post(t *testing.T, c *http.Client, url, body string) (int, string, map[string]any) {
	t.Helper()
	resp, err := c.Post(url, "application/json", strings.NewReader(body))
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	must(t, err)
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("POST %s: %s: %q: %v", url, resp.Status, data, err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), v
}

func TestEnrolAndRenewOverHTTPS(t *testing.T) {
	h := newHouse(t)
	url := h.serve(t)
	key := newKey(t)
	body := fmt.Sprintf(`{"code":%q,"csr":%q}`, h.invite(t).Text, base64.StdEncoding.EncodeToString(request(t, key, "x")))
	status, _, got := post(t, h.client(t, nil, nil), url+"/device/v1/enrol", body)
	if status != http.StatusOK {
		t.Fatalf("enrol: %d %v", status, got)
	}
	leaf, rest := pem.Decode([]byte(text(t, got["certificate"])))
	ca, _ := pem.Decode(rest)
	if leaf == nil || ca == nil || !bytes.Equal(ca.Bytes, h.ca.DER()) {
		t.Fatalf("certificate chain %q, want the device's and the authority's", got["certificate"])
	}
	mqtt := fmt.Sprint(got["mqtt"])
	if got["role"] != "gate" || got["gate"] != "north" || mqtt != "[map[name:central url:tls://127.0.0.1:8883]]" || got["api"] == "" {
		t.Errorf("enrol answer %v", got)
	}
	raw, err := base64.StdEncoding.DecodeString(text(t, got["anchor"]))
	must(t, err)
	anchor, err := trust.ParseAnchor(raw)
	must(t, err)
	raw, err = base64.StdEncoding.DecodeString(text(t, got["trust_list"]))
	must(t, err)
	if _, err := anchor.Open(raw, h.clock.now()); err != nil {
		t.Errorf("trust list of the answer: %v", err)
	}

	h.clock.add(20 * 24 * time.Hour)
	next := newKey(t)
	renew := fmt.Sprintf(`{"csr":%q}`, base64.StdEncoding.EncodeToString(request(t, next, "x")))
	device := h.client(t, leaf.Bytes, key)
	status, _, got = post(t, device, url+"/device/v1/renew", renew)
	if status != http.StatusOK {
		t.Fatalf("renew: %d %v", status, got)
	}
	leaf2, _ := pem.Decode([]byte(text(t, got["certificate"])))
	cert, err := x509.ParseCertificate(leaf2.Bytes)
	must(t, err)
	if want := h.clock.now().Add(30 * 24 * time.Hour); !cert.NotAfter.Equal(want) || !next.PublicKey.Equal(cert.PublicKey) {
		t.Errorf("renewed until %s, want %s, for the new key", cert.NotAfter, want)
	}
	ds, err := h.Devices(t.Context(), "", 10)
	must(t, err)
	if keys, err := h.Keys(t.Context(), ds[0].ID); err != nil || len(keys) != 2 {
		t.Errorf("Keys = %v, %v; want the new and the old", keys, err)
	}

	must(t, h.Revoke(t.Context(), ds[0].ID))
	status, kind, got := post(t, device, url+"/device/v1/renew", renew)
	if status != http.StatusForbidden || got["code"] != "device_revoked" || kind != "application/problem+json" {
		t.Errorf("renew of a revoked device: %d %s %v", status, kind, got)
	}
}

func TestHTTPRefuses(t *testing.T) {
	h := newHouse(t)
	url := h.serve(t)
	csr := base64.StdEncoding.EncodeToString(request(t, newKey(t), "x"))
	good := fmt.Sprintf(`{"code":"AAAA-BBBB-CCCC-DDDD","csr":%q}`, csr)
	for name, c := range map[string]struct {
		path, body string
		status     int
		code       string
	}{
		"unknown code":     {"/device/v1/enrol", good, 403, "code_invalid"},
		"unknown member":   {"/device/v1/enrol", `{"code":"x","csr":"","role":"hub"}`, 400, "malformed"},
		"two values":       {"/device/v1/enrol", good + good, 400, "malformed"},
		"not json":         {"/device/v1/enrol", `hello`, 400, "malformed"},
		"empty":            {"/device/v1/enrol", ``, 400, "malformed"},
		"csr not base64":   {"/device/v1/enrol", `{"code":"x","csr":"!"}`, 400, "request_refused"},
		"csr not a csr":    {"/device/v1/enrol", `{"code":"x","csr":"AAAA"}`, 400, "request_refused"},
		"too large":        {"/device/v1/enrol", `{"code":"` + strings.Repeat("A", 32<<10) + `"}`, 413, "too_large"},
		"renew without":    {"/device/v1/renew", fmt.Sprintf(`{"csr":%q}`, csr), 401, "certificate_required"},
		"somewhere else":   {"/admin", `{}`, 404, "not_found"},
		"path with a dots": {"/device/v1/enrol/../../x", `{}`, 404, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			status, kind, got := post(t, h.client(t, nil, nil), url+c.path, c.body)
			if status != c.status || got["code"] != c.code || kind != "application/problem+json" || got["hint"] == "" {
				t.Errorf("%s %.80s = %d %s %v, want %d %s", c.path, c.body, status, kind, got, c.status, c.code)
			}
		})
	}
}

func TestHTTPLimitsTries(t *testing.T) {
	h := newHouse(t)
	url := h.serve(t)
	csr := base64.StdEncoding.EncodeToString(request(t, newKey(t), "x"))
	client := h.client(t, nil, nil)
	var last int
	for range 11 {
		last, _, _ = post(t, client, url+"/device/v1/enrol", fmt.Sprintf(`{"code":"AAAA-BBBB-CCCC-DDDD","csr":%q}`, csr))
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("11th try in a moment: %d, want 429", last)
	}
	h.clock.add(time.Minute)
	for i := range 30 {
		body := fmt.Sprintf(`{"code":%q,"csr":%q}`, h.invite(t).Text, base64.StdEncoding.EncodeToString(request(t, newKey(t), "x")))
		if status, _, got := post(t, client, url+"/device/v1/enrol", body); status != http.StatusOK {
			t.Fatalf("honest enrolment %d: %d %v; success must not use up tries", i, status, got)
		}
	}
}

func TestOnlyTLS13(t *testing.T) {
	h := newHouse(t)
	url := h.serve(t)
	tr := &http.Transport{TLSClientConfig: &tls.Config{MaxVersion: tls.VersionTLS12, RootCAs: h.ca.Pool(), Time: h.clock.now}}
	if resp, err := (&http.Client{Transport: tr}).Get(url); err == nil {
		_ = resp.Body.Close()
		t.Errorf("TLS 1.2 was accepted: %s", resp.Status)
	}
}

func FuzzEnrolBody(f *testing.F) {
	f.Add([]byte(`{"code":"AAAA-BBBB-CCCC-DDDD","csr":"MIH0"}`))
	f.Add([]byte(`{"code":"a","code":"b"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		h := fuzzHouse(t)
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/device/v1/enrol", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		h.Handler().ServeHTTP(w, r)
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("body %q: %d %s", body, w.Code, w.Body)
		}
	})
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte{0x30, 0x82})
	f.Fuzz(fuzzRequest)
}
