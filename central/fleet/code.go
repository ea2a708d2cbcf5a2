package fleet

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

// codeBytes gives an enrolment code 80 bits, which are 16 characters.
const codeBytes = 10

var codeAlphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

// CodeRequest says what the device that redeems a code will be.
type CodeRequest struct {
	Name   ticket.DeviceID  // its id; empty lets central choose one
	Role   trust.Role       // gate, hub or handheld
	Gate   string           // the entrance it stands at; a gate must have one
	Events []ticket.EventID // what it will scan for; at least one
}

// Invitation is a new enrolment code. Text is a secret: it is shown once and
// kept nowhere.
type Invitation struct {
	Text    string // XXXX-XXXX-XXXX-XXXX
	Device  ticket.DeviceID
	String  string // https://host:port/enrol#CODE.PIN, for a QR code
	Expires int64  // Unix seconds
}

// Invite makes an enrolment code.
func (f *Fleet) Invite(ctx context.Context, r CodeRequest) (Invitation, error) {
	switch r.Role {
	case trust.RoleGate, trust.RoleHub, trust.RoleHandheld:
	case trust.RoleRoot, trust.RoleEvent, trust.RoleCentral:
		fallthrough
	default:
		return Invitation{}, fmt.Errorf("role %q cannot be enrolled, want gate, hub or handheld: %w", r.Role, ticket.ErrInvalid)
	}
	if r.Role == trust.RoleGate && r.Gate == "" {
		return Invitation{}, fmt.Errorf("a gate device without the name of its entrance: %w", ticket.ErrInvalid)
	}
	name, err := deviceID(r)
	if err != nil {
		return Invitation{}, err
	}
	events := slices.Compact(slices.Sorted(slices.Values(r.Events)))
	if len(events) == 0 || len(events) > trust.MaxDeviceEvents || events[0] == 0 || len(r.Gate) > ticket.MaxName {
		return Invitation{}, fmt.Errorf("want 1 to %d events, none of them 0, and a gate name of at most %d bytes: %w", trust.MaxDeviceEvents, ticket.MaxName, ticket.ErrInvalid)
	}
	raw := make([]byte, codeBytes)
	if _, err := rand.Read(raw); err != nil {
		return Invitation{}, fmt.Errorf("enrolment code: %w", err)
	}
	code := codeAlphabet.EncodeToString(raw)
	now := f.cfg.Now()
	expires := now.Add(CodeLifetime).Unix()
	err = f.cfg.Store.AddCode(ctx, Code{
		Hash: sha256.Sum256([]byte(code)), Device: name, Role: r.Role, Gate: r.Gate, Events: events,
		Created: now.Unix(), Expires: expires,
	})
	if errors.Is(err, ErrExists) {
		return Invitation{}, fmt.Errorf("device id %s is taken; choose another, or leave the name out: %w", name, errors.Join(ErrExists, ticket.ErrInvalid))
	}
	if err != nil {
		return Invitation{}, fmt.Errorf("keep enrolment code: %w", err)
	}
	text := groupCode(code)
	u := url.URL{Scheme: "https", Host: f.cfg.Host(), Path: "/enrol"}
	return Invitation{Text: text, Device: name, String: u.String() + "#" + text + "." + f.cfg.Authority.PIN(), Expires: expires}, nil
}

// groupCode writes a code in groups of four, to be read aloud.
func groupCode(code string) string {
	var b strings.Builder
	for i, r := range code {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// hashCode returns the SHA-256 under which a typed code is kept. Case, blanks
// and hyphens do not matter. Anything else that is not a code gives ErrCode.
func hashCode(typed string) ([32]byte, error) {
	if len(typed) > 64 {
		return [32]byte{}, ErrCode
	}
	code := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(typed))
	raw, err := codeAlphabet.DecodeString(code)
	if err != nil || len(raw) != codeBytes {
		return [32]byte{}, ErrCode
	}
	return sha256.Sum256([]byte(code)), nil
}

// deviceID returns the id that was asked for, or makes one such as
// gate-7k2mqa: the role and 30 random bits.
func deviceID(r CodeRequest) (ticket.DeviceID, error) {
	if r.Name == CentralID {
		return "", fmt.Errorf("device id %q is central's own: %w", r.Name, ticket.ErrInvalid)
	}
	if r.Name != "" {
		return ticket.ParseDeviceID(string(r.Name))
	}
	raw := make([]byte, 4)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("device id: %w", err)
	}
	return ticket.ParseDeviceID(string(r.Role) + "-" + strings.ToLower(codeAlphabet.EncodeToString(raw))[:6])
}
