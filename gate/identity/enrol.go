package identity

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/con-ting/conting/sync/private"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/sync/trust"
)

const opEnrol = "enrol"

const answerHint = "central and gate may be of different versions: compare `gate version` with central's"

// EnrolConfig says how to enrol.
type EnrolConfig struct {
	// Dir is the folder that will hold the identity. It must not exist yet; its
	// parent must.
	Dir string

	Invitation Invitation

	// Timeout bounds the whole conversation with central. Zero means 20 s.
	Timeout time.Duration

	// Now is the device's clock.
	Now func() time.Time

	// Rand is where the key comes from; nil means crypto/rand.
	Rand io.Reader

	// step is called before each change on disk; an error from it stops the
	// enrolment as a power cut would. For tests.
	step func(name string) error
}

// Enrol makes the device key, has central certify it, checks everything in the
// answer against the pinned authority, the root keys and the key itself, and
// only then puts the finished folder in place with one rename. Interrupted, it
// leaves no identity; the key that was made is kept beside it for the next try,
// because central may already know it.
func Enrol(ctx context.Context, c EnrolConfig) (*Identity, error) {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.step == nil {
		c.step = func(string) error { return nil }
	}
	if _, err := os.Lstat(c.Dir); err == nil {
		return nil, fail(opEnrol, "to enrol this machine as another device, upload its journal first, then move the folder away", "%s exists: %w", c.Dir, ErrEnrolled)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fail(opEnrol, "run as the user that owns the data folder", "%w", err)
	}
	staging := c.Dir + ".new"
	key, err := stageKey(staging, c)
	if err != nil {
		return nil, err
	}
	csr, err := makeCSR(c.Rand, key)
	if err != nil {
		return nil, fail(opEnrol, "", "%w", err)
	}
	ask, err := json.Marshal(enrolRequest{Code: c.Invitation.Code, CSR: csr})
	if err != nil {
		return nil, fail(opEnrol, "", "%w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var got enrolAnswer
	ca, err := postPinned(ctx, c.Invitation, c.Now, "/device/v1/enrol", ask, &got)
	if err != nil {
		return nil, err
	}
	id, err := accept(&got, c, key, ca)
	if err != nil {
		return nil, fail(opEnrol, answerHint, "%w", err)
	}
	if err := install(staging, id, c.step); err != nil {
		return nil, fail(opEnrol, "check the free space and the owner of "+filepath.Dir(c.Dir)+", then get a new code", "%w", err)
	}
	return id, nil
}

type enrolRequest struct {
	Code string `json:"code"`
	CSR  []byte `json:"csr"`
}

type enrolAnswer struct {
	Device      string           `json:"device"`
	Role        trust.Role       `json:"role"`
	Certificate string           `json:"certificate"`
	Anchor      []byte           `json:"anchor"`
	TrustList   []byte           `json:"trust_list"`
	Events      []ticket.EventID `json:"events"`
	Gate        string           `json:"gate"`
	MQTT        []Endpoint       `json:"mqtt"`
	API         string           `json:"api"`
}

// stageKey returns the key of an earlier, interrupted try, or makes one.
func stageKey(staging string, c EnrolConfig) (crypto.Signer, error) {
	const hint = "create the data folder and make this user its owner"
	if err := os.Mkdir(staging, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fail(opEnrol, hint, "%w", err)
	}
	if key, err := readKey(staging); err == nil {
		return key, nil
	} else if errors.Is(err, ErrPermissions) {
		return nil, err
	}
	if err := c.step("key"); err != nil {
		return nil, err
	}
	key, err := newKey(staging, c.Rand)
	if err != nil {
		return nil, fail(opEnrol, hint, "%w", err)
	}
	return key, nil
}

func makeCSR(random io.Reader, key crypto.Signer) ([]byte, error) {
	csr, err := x509.CreateCertificateRequest(random, &x509.CertificateRequest{
		Subject:            pkix.Name{CommonName: "conting device"}, // central chooses the real name
		SignatureAlgorithm: x509.ECDSAWithSHA256,
	}, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate request: %w", err)
	}
	return csr, nil
}

// accept checks an answer from the pinned server and builds the identity.
func accept(got *enrolAnswer, c EnrolConfig, key crypto.Signer, ca *x509.Certificate) (*Identity, error) {
	device, err := ticket.ParseDeviceID(got.Device)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	anchor, err := trust.ParseAnchor(got.Anchor)
	if err != nil {
		return nil, fmt.Errorf("anchor: %w: %w", ErrAnswer, err)
	}
	list, err := anchor.Open(got.TrustList, c.Now())
	if err != nil {
		return nil, fmt.Errorf("trust list: %w: %w", ErrAnswer, err)
	}
	chain, err := parseChain([]byte(got.Certificate), maxChain)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w: %w", ErrAnswer, err)
	}
	if err := certified(list, chain[0], got, c.Now()); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(list.DeviceCAs, func(der []byte) bool { return slices.Equal(der, ca.Raw) }) {
		return nil, fmt.Errorf("the trust list does not name the authority that answered: %w", ErrAnswer)
	}
	rec := record{
		Device: device, Role: got.Role, Events: got.Events, Gate: got.Gate,
		Brokers: got.MQTT, API: got.API, Fleet: c.Invitation.Base, Enrolled: c.Now().UTC().Truncate(time.Second),
	}
	if err := rec.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	id, err := assemble(c.Dir, rec, key, anchor, got.TrustList, chain, list.DeviceCAs, c.Now)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return id, nil
}

// certified checks that the trust list vouches for the leaf as the device that the
// answer tells of, for each of its events: peers would not believe it otherwise.
func certified(list *trust.List, leaf []byte, got *enrolAnswer, now time.Time) error {
	ring, err := trust.NewKeyring(list)
	if err != nil {
		return fmt.Errorf("trust list: %w: %w", ErrAnswer, err)
	}
	who, err := ring.VerifyDevice(leaf, now)
	if err != nil {
		return fmt.Errorf("certificate: %w: %w", ErrAnswer, err)
	}
	if string(who.ID) != got.Device || who.Role != got.Role {
		return fmt.Errorf("the certificate names %s %s, the answer %s %s: %w", who.Role, who.ID, got.Role, got.Device, ErrAnswer)
	}
	for _, e := range got.Events {
		if !who.Serves(e) {
			return fmt.Errorf("the certificate does not name event %s: %w", e, ErrAnswer)
		}
	}
	return nil
}

func (r *record) check() error {
	switch r.Role {
	case trust.RoleGate, trust.RoleHub, trust.RoleHandheld:
	case trust.RoleRoot, trust.RoleEvent, trust.RoleCentral:
		return fmt.Errorf("role %q is none that a device can have", r.Role)
	default:
		return fmt.Errorf("role %q is unknown", r.Role)
	}
	if len(r.Events) == 0 || len(r.Events) > trust.MaxDeviceEvents || slices.Contains(r.Events, 0) {
		return fmt.Errorf("%d events, want 1 to %d, none of them 0", len(r.Events), trust.MaxDeviceEvents)
	}
	if len(r.Gate) > ticket.MaxName || !utf8.ValidString(r.Gate) || r.Gate == "" && r.Role == trust.RoleGate {
		return errors.New("no gate name, or an impossible one")
	}
	if len(r.Brokers) > 8 {
		return fmt.Errorf("%d brokers", len(r.Brokers))
	}
	for _, b := range r.Brokers {
		if u, err := url.Parse(b.URL); err != nil || u.Scheme != "tls" || u.Hostname() == "" || u.Port() == "" {
			return fmt.Errorf("broker %q is not tls://host:port", b.URL)
		}
	}
	if u, err := url.Parse(r.API); err != nil || r.API != "" && (u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "") {
		return fmt.Errorf("api %q is not the address of a web server", r.API)
	}
	return nil
}

// install writes the identity into the staging folder and renames it.
func install(staging string, id *Identity, step func(string) error) error {
	rec, err := json.MarshalIndent(id.record, "", "  ")
	if err != nil {
		return err
	}
	anchor, err := id.anchor.Encode()
	if err != nil {
		return err
	}
	list, err := id.anchor.Open(id.list, id.now())
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{certificateFile, encodeChain(id.chain)},
		{authorityFile, encodeChain(list.DeviceCAs)},
		{anchorFile, anchor},
		{listFile, id.list},
		{recordFile, append(rec, '\n')},
	} {
		if err := step(f.name); err != nil {
			return err
		}
		if err := private.Replace(filepath.Join(staging, f.name), f.data); err != nil {
			return err
		}
	}
	if err := step("rename"); err != nil {
		return err
	}
	if err := os.Rename(staging, id.dir); err != nil {
		return err
	}
	return private.SyncDir(filepath.Dir(id.dir))
}
