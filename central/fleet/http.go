package fleet

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

const (
	maxBody        = 16 << 10
	requestTimeout = 10 * time.Second
)

// Handler serves the device API:
//
//	POST /device/v1/enrol  {code, csr}  a code for a certificate
//	POST /device/v1/renew  {csr}        over mutual TLS
//
// The listener must offer TLS 1.3 only and verify client certificates where
// they are given ([tls.VerifyClientCertIfGiven]) against [Authority.Pool].
// Errors are problem documents (RFC 9457) with a code and a hint.
func (f *Fleet) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /device/v1/enrol", f.serveEnrol)
	mux.HandleFunc("POST /device/v1/renew", f.serveRenew)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		f.refuse(r.Context(), w, problem{
			Status: http.StatusNotFound, Code: "not_found", Title: "There is nothing here",
			Hint: "this is the device listener; gates use POST /device/v1/enrol and /device/v1/renew",
		})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
}

type enrolRequest struct {
	Code string `json:"code"`
	CSR  string `json:"csr"`
}

type enrolResponse struct {
	Device      ticket.DeviceID  `json:"device"`
	Role        trust.Role       `json:"role"`
	Certificate string           `json:"certificate"` // PEM: the device's, then the authority's
	Anchor      string           `json:"anchor"`      // base64
	TrustList   string           `json:"trust_list"`  // base64
	Events      []ticket.EventID `json:"events"`
	Gate        string           `json:"gate"`
	MQTT        []Endpoint       `json:"mqtt"`
	API         string           `json:"api"`
}

type renewRequest struct {
	CSR string `json:"csr"`
}

type renewResponse struct {
	Certificate string `json:"certificate"`
}

func (f *Fleet) serveEnrol(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	source := sourceOf(r.RemoteAddr)
	if ok, wait := f.limit.take(source); !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		f.refuse(ctx, w, problem{
			Status: http.StatusTooManyRequests, Code: "too_many_tries", Title: "Too many enrolment attempts",
			Hint: "wait a minute, then try again with a fresh code",
		})
		return
	}
	var req enrolRequest
	if !f.decode(w, r, &req) {
		return
	}
	csr, err := base64.StdEncoding.Strict().DecodeString(req.CSR)
	if err != nil {
		f.fail(ctx, w, fmt.Errorf("csr is not base64: %w", ErrRequest))
		return
	}
	e, err := f.Enrol(ctx, req.Code, csr)
	if err != nil {
		f.fail(ctx, w, err)
		return
	}
	f.limit.giveBack(source)
	f.answer(ctx, w, enrolResponse{
		Device: e.Device, Role: e.Role, Certificate: f.chain(e.Certificate),
		Anchor:    base64.StdEncoding.EncodeToString(e.Anchor),
		TrustList: base64.StdEncoding.EncodeToString(e.TrustList),
		Events:    e.Events, Gate: e.Gate, MQTT: f.cfg.Endpoints(), API: f.cfg.API(),
	})
}

func (f *Fleet) serveRenew(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		f.refuse(ctx, w, problem{
			Status: http.StatusUnauthorized, Code: "certificate_required", Title: "A device certificate is required",
			Hint: "connect with the device's certificate; if it has expired, enrol the device again",
		})
		return
	}
	var req renewRequest
	if !f.decode(w, r, &req) {
		return
	}
	csr, err := base64.StdEncoding.Strict().DecodeString(req.CSR)
	if err != nil {
		f.fail(ctx, w, fmt.Errorf("csr is not base64: %w", ErrRequest))
		return
	}
	c, err := f.Renew(ctx, r.TLS.VerifiedChains[0][0], csr)
	if err != nil {
		f.fail(ctx, w, err)
		return
	}
	f.answer(ctx, w, renewResponse{Certificate: f.chain(c.DER)})
}

func (f *Fleet) chain(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.cfg.Authority.DER()}))
}

// decode reads one JSON object with known members and nothing after it.
func (f *Fleet) decode(w http.ResponseWriter, r *http.Request, v any) bool {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		f.refuse(r.Context(), w, problem{
			Status: http.StatusUnsupportedMediaType, Code: "not_json", Title: "The body must be application/json",
			Hint: "send Content-Type: application/json",
		})
		return false
	}
	err := decodeStrict(http.MaxBytesReader(w, r.Body, maxBody), v)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		f.refuse(r.Context(), w, problem{
			Status: http.StatusRequestEntityTooLarge, Code: "too_large", Title: "The body is too large",
			Hint: "send at most " + strconv.Itoa(maxBody) + " bytes",
		})
		return false
	}
	if err != nil {
		f.refuse(r.Context(), w, problem{
			Status: http.StatusBadRequest, Code: "malformed", Title: "The body is not the JSON that was expected",
			Hint: "send one object with the documented members only",
		})
		return false
	}
	return true
}

func decodeStrict(r io.Reader, v any) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

func (f *Fleet) answer(ctx context.Context, w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		f.cfg.Logger.DebugContext(ctx, "answer was not sent", slog.Any("error", err))
	}
}

// problem is a problem document. The type is left out: it is about:blank, and
// code is the stable name.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Hint   string `json:"hint"`
}

// fail turns an error into a problem. What is not the sender's fault is
// logged, and says nothing of itself.
func (f *Fleet) fail(ctx context.Context, w http.ResponseWriter, err error) {
	p := problem{
		Status: http.StatusInternalServerError, Code: "internal", Title: "Internal error",
		Hint: "try again; if it stays, look into central's log",
	}
	switch {
	case errors.Is(err, ErrCode):
		p = problem{
			Status: http.StatusForbidden, Code: "code_invalid", Title: "The enrolment code is unknown, used, or too old",
			Hint: "make a new one with: central enrol-code",
		}
	case errors.Is(err, ErrRequest):
		p = problem{
			Status: http.StatusBadRequest, Code: "request_refused", Title: "The certificate request is refused",
			Hint: "send a signed PKCS #10 request for a P-256 key, DER in base64",
		}
	case errors.Is(err, ErrTooOften):
		w.Header().Set("Retry-After", "3600")
		p = problem{
			Status: http.StatusTooManyRequests, Code: "too_many_renewals", Title: "Too many renewals within a day",
			Hint: "go on with the newest certificate, and find out why the device renews so often",
		}
	case errors.Is(err, ErrRevoked), errors.Is(err, ErrNotFound):
		p = problem{
			Status: http.StatusForbidden, Code: "device_revoked", Title: "This device is not in the fleet",
			Hint: "enrol it again with a new code",
		}
	default:
		f.cfg.Logger.ErrorContext(ctx, "device request failed", slog.Any("error", err))
	}
	f.refuse(ctx, w, p)
}

func (f *Fleet) refuse(ctx context.Context, w http.ResponseWriter, p problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		f.cfg.Logger.DebugContext(ctx, "answer was not sent", slog.Any("error", err))
	}
}
